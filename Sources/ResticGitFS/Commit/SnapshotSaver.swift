import Logging
import ResticCore

/// Saves a stored tree as the newest snapshot: the compare and swap of a commit.
///
/// Under the commit lock, so that nobody else saves between the look and the saving: if the newest matching snapshot still
/// has the base's tree, ours follows it; else the two are merged (`TreeMerge`), and the merged tree does. Nothing is
/// overwritten that somebody else saved.
struct SnapshotSaver: Sendable {
  /// The mounted repository.
  let repository: Repository
  /// Which snapshots belong to the mount.
  let filter: SnapshotFilter
  /// Who commits.
  let identity: SnapshotIdentity
  /// How long to wait for another committer.
  let retryFor: Duration
  /// Whether a merge that leaves anything for somebody to look at is an error, `RefusedMerge`, and nothing is saved.
  var refusesConflicts = false
  /// Told what a person may want to know.
  let logger: Logger
  /// Called at the last moment at which nothing has been saved; an error keeps it so.
  var willSave: @Sendable () throws(RepositoryError) -> Void = {}

  /// Long enough to outlive a committer that died: that takes two minutes to know.
  private static let leastRetry = Duration.seconds(150)

  /// Begins to take the commit lock, for a `save` that comes soon; nobody else saves from then on.
  func reserve() -> CommitReservation {
    CommitReservation(of: repository, retryFor: max(retryFor, Self.leastRetry), logger: logger)
  }

  /// Saves `ours`, which grew out of `base`. `summary` says what the commit did; `reservation` ends with it. Throws before
  /// anything is saved, or with `.lockLost`, after which nothing says whether it was.
  func save(
    _ ours: DurableTree, base: CommitState.Base, lock: RepositoryLock, reservation: CommitReservation,
    summary: SnapshotSummary
  ) async throws -> CommitResult {
    let commitLock = try await reservation.lock()
    let result: Result<CommitResult, any Error>
    do {
      result = .success(
        try await save(ours, base, summary) {
          try lock.validate()
          try await commitLock.confirm()
          try willSave()
        })
    } catch {
      result = .failure(error)
    }
    await CommitReservation.release(commitLock, logger)
    return try result.get()
  }

  private func save(
    _ ours: DurableTree, _ base: CommitState.Base, _ summary: SnapshotSummary, confirm: () async throws -> Void
  ) async throws -> CommitResult {
    var description = SnapshotDescription(base: base.snapshot, filter: filter, identity: identity)
    let matching = try await repository.snapshots().filter { filter.matches($0.snapshot) }
    let snapshots = matching.filter { description.covers($0.snapshot) }
    let newest = snapshots.last
    try await repository.loadIndex()
    if base.tree != nil, !snapshots.contains(where: { $0.snapshot.tree == base.tree }) {
      try await TreeVerifier(repository: repository).verify(ours.id)
    }
    var sides = Self.sides(besides: newest, among: snapshots)
    if newest?.snapshot.tree != base.tree, newest?.snapshot.tree != ours.id {
      sides.append(Side(tree: ours.id, base: base.tree))
    }
    description.base = newest ?? base.snapshot
    description.latestTime = matching.last?.snapshot.time
    guard let newest, !sides.isEmpty else {
      if ours.id == newest?.snapshot.tree { return .unchanged(newest?.id) }
      try await confirm()
      let successor = description.successor(ours.id, at: .now(), summary: summary)
      return .saved(try await repository.saveSnapshot(successor, of: ours), merge: nil)
    }

    logger.info("snapshot \(newest.id.short) came first: merging")
    // Where the newest is our base, ours takes its place, and only snapshots that came late are merged into it.
    let start = newest.snapshot.tree == base.tree ? ours.id : newest.snapshot.tree
    let (merged, result) = try await merge(sides, into: start, ours: ours.id)
    // Those of snapshots that came late are nobody's to refuse: refused again and again, they would never be merged.
    if refusesConflicts, let refusal = RefusedMerge(result.ownConflicts, with: newest.id) { throw refusal }
    try await confirm()
    var merge = result
    if result.needsSnapshotOfOurs {
      let conflict = description.conflict(ours.id, before: newest, at: .now(), summary: summary)
      merge.beside = try await repository.saveSnapshot(conflict, of: ours).id
    }
    if merged.id == newest.snapshot.tree { return .saved(newest, merge: merge) }
    description.mergedParents = sides.compactMap(\.snapshot)
    let successor = description.successor(merged.id, at: .now(), summary: summary)
    return .saved(try await repository.saveSnapshot(successor, of: merged), merge: merge)
  }

  /// A tree to merge into the newest, and what it grew out of.
  private struct Side {
    var tree: BlobID
    var base: BlobID?
    /// The snapshot that holds it, if it is one that came late.
    var snapshot: SnapshotID?
  }

  /// Snapshots of ours that the newest does not build upon, since whoever saved them was stopped for too long.
  private static func sides(besides newest: SavedSnapshot?, among snapshots: [SavedSnapshot]) -> [Side] {
    guard let newest else { return [] }
    let ours = snapshots.filter { saved in
      saved.snapshot.programVersion.hasPrefix(Version.program)
        && !saved.snapshot.tags.contains(SnapshotDescription.conflictTag)
    }
    return SnapshotFork.forks(among: ours, beside: newest).map { fork in
      let base = snapshots.first { $0.id == fork.base }
      return Side(tree: fork.head.snapshot.tree, base: base?.snapshot.tree, snapshot: fork.head.id)
    }
  }

  private func merge(
    _ sides: [Side], into start: BlobID, ours: BlobID
  ) async throws -> (tree: DurableTree, result: CommitResult.Merge) {
    let label = ConflictLabel(host: identity.hostname, time: .now())
    var result = CommitResult.Merge(conflicts: [], ours: ours)
    var tree = start
    while true {
      // An uploader makes one tree durable; the next merge reads it.
      let uploader = repository.makeUploader()
      let side = sides[result.sideCount]
      let merge = try await TreeMerge(uploader: uploader, label: label)
        .merge(base: side.base, theirs: tree, ours: side.tree)
      let durable = try await uploader.finish(root: merge.root)
      tree = durable.id
      result.conflicts += merge.conflicts
      if side.snapshot == nil { result.ownConflicts = merge.conflicts }
      result.needsSnapshotOfOurs = result.needsSnapshotOfOurs || merge.needsSnapshotOfOurs
      result.sideCount += 1
      if result.sideCount == sides.count { return (durable, result) }
    }
  }
}
