/// One program of git's, which puts a part of a repository in order.
enum HousekeepingStep: Hashable, Sendable {
  /// Loose references go into `packed-refs`.
  case packReferences
  /// Loose objects go that nothing reaches and that are older than this.
  case prune(olderThan: String)
  /// Small packfiles and all loose objects go into one packfile, so that each packfile has twice the objects of the next smaller
  /// one. Large ones stay as they are: what was stored of them is not stored again.
  case repack(updatesServerInformation: Bool)
  /// What commits are new goes into one more file of the commit-graph.
  case commitGraph

  /// What it is called in the log and in reports.
  var name: String {
    switch self {
    case .packReferences: "pack-refs"
    case .prune: "prune"
    case .repack: "repack"
    case .commitGraph: "commit-graph"
    }
  }

  /// The words after `git`. Bitmaps would need one packfile for everything, a multi-pack-index would be stored anew each time.
  var arguments: [String] {
    switch self {
    case .packReferences: ["pack-refs", "--all"]
    case .prune(let date): ["prune", "--expire=\(date)"]
    case .repack(let updates):
      ["repack", "-d", "-l", "-q", "--geometric=2", "--no-write-bitmap-index"] + (updates ? [] : ["-n"])
    case .commitGraph: ["commit-graph", "write", "--reachable", "--split", "--no-progress"]
    }
  }

  /// What a mount does of its own accord.
  ///
  /// Unreachable objects stay: to find them takes a walk over all that is reachable, so that is for `everything`. If one limit is
  /// exceeded, what has reached half of another one is put in order as well: each run makes a snapshot.
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

  /// What is done when somebody asks for it.
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
