/// One git program, which maintains a part of a repository.
enum HousekeepingStep: Hashable, Sendable {
  /// Packs loose references into `packed-refs`.
  case packReferences
  /// Removes loose objects that are unreachable and older than this.
  case prune(olderThan: String)
  /// Packs small packfiles and all loose objects into one packfile, so that each packfile has at least twice as many
  /// objects as the next smaller one. Large packfiles stay, so their data is not stored again.
  case repack(updatesServerInformation: Bool)
  /// Adds new commits to the commit-graph, in one more file.
  case commitGraph

  /// The step's name in the log and in reports.
  var name: String {
    switch self {
    case .packReferences: "pack-refs"
    case .prune: "prune"
    case .repack: "repack"
    case .commitGraph: "commit-graph"
    }
  }

  /// The arguments of `git`. Bitmaps would need one packfile for everything, and a multi-pack-index would be stored
  /// anew each time. What is unreachable is read from the objects themselves: a commit-graph that is wrong, damaged or
  /// made so on purpose, would have git remove objects that references need.
  var arguments: [String] {
    switch self {
    case .packReferences: ["pack-refs", "--all"]
    case .prune(let date):
      ["-c", "core.commitGraph=false", "-c", "core.multiPackIndex=false", "prune", "--expire=\(date)"]
    case .repack(let updates):
      ["repack", "-d", "-l", "-q", "--geometric=2", "--no-write-bitmap-index"] + (updates ? [] : ["-n"])
    case .commitGraph: ["commit-graph", "write", "--reachable", "--split", "--no-progress"]
    }
  }

  /// The steps that a mount takes by itself.
  ///
  /// Unreachable objects stay: finding them takes a walk over all reachable objects, which is left to `everything`. If
  /// one limit is exceeded, a run also reduces what has reached half of another limit, because each run makes a
  /// snapshot.
  static func due(
    _ findings: RepositorySurvey.Findings, _ limits: HousekeepingLimits, _ wishes: HousekeepingWishes
  ) -> [HousekeepingStep] {
    let counts = findings.counts
    var steps: [HousekeepingStep] = []
    let hasManyReferences = counts.looseReferences > limits.looseReferences && wishes.packsReferences
    let hasManyObjects = counts.packfiles > limits.packfiles || counts.looseObjects > limits.looseObjects
    if hasManyReferences || hasManyObjects && counts.looseReferences > limits.looseReferences / 2,
      wishes.packsReferences
    {
      steps.append(.packReferences)
    }
    if hasManyObjects || hasManyReferences && counts.packfiles > limits.packfiles / 2 {
      steps.append(.repack(updatesServerInformation: findings.hasServerInformation))
      if wishes.writesCommitGraph { steps.append(.commitGraph) }
    }
    return steps
  }

  /// The steps that are taken on request.
  static func everything(_ findings: RepositorySurvey.Findings, _ wishes: HousekeepingWishes) -> [HousekeepingStep] {
    let counts = findings.counts
    var steps: [HousekeepingStep] = []
    if counts.looseReferences > 0, wishes.packsReferences { steps.append(.packReferences) }
    if counts.looseObjects > 0, !findings.hidesReachableObjects { steps.append(.prune(olderThan: wishes.expiry)) }
    if counts.packfiles > 1 || counts.looseObjects > 0 {
      steps.append(.repack(updatesServerInformation: findings.hasServerInformation))
    }
    if counts.packfiles > 0 || counts.looseObjects > 0, wishes.writesCommitGraph { steps.append(.commitGraph) }
    return steps
  }
}
