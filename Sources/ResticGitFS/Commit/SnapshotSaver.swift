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
  /// Told what a person may want to know.
  let logger: Logger

  /// Saves `ours`, which grew out of `base`. `summary` says what the commit did. Throws before anything is saved, or with
  /// `.lockLost`, after which nothing says whether it was.
  func save(
    _ ours: DurableTree, base: CommitState.Base, lock: RepositoryLock, summary: SnapshotSummary
  ) async throws -> CommitResult {
    let commitLock = try await CommitLock.acquire(on: repository, retryFor: retryFor)
    let result: Result<CommitResult, any Error>
    do {
      result = .success(try await save(ours, base, summary) {
        try lock.validate()
        try await commitLock.confirm()
      })
    } catch {
      result = .failure(error)
    }
    do {
      try await commitLock.release()
    } catch {
      logger.warning("the commit lock is left behind, others wait for it two minutes: \(error)")
    }
    return try result.get()
  }

  private func save(
    _ ours: DurableTree, _ base: CommitState.Base, _ summary: SnapshotSummary, confirm: () async throws -> Void
  ) async throws -> CommitResult {
    let snapshots = try await repository.snapshots()
    let newest = snapshots.last { filter.matches($0.snapshot) }
    try await repository.loadIndex()
    if base.tree != nil, !snapshots.contains(where: { $0.snapshot.tree == base.tree }) {
      try await TreeVerifier(repository: repository).verify(ours.id)
    }
    let description = SnapshotDescription(base: newest ?? base.snapshot, filter: filter, identity: identity)
    guard let newest, newest.snapshot.tree != base.tree, newest.snapshot.tree != ours.id else {
      if ours.id == newest?.snapshot.tree { return .unchanged(newest?.id) }
      try await confirm()
      let successor = description.successor(ours.id, at: .now(), summary: summary)
      return .saved(try await repository.saveSnapshot(successor, of: ours), merge: nil)
    }

    logger.info("snapshot \(newest.id.short) came first: merging")
    let uploader = repository.makeUploader()
    let label = ConflictLabel(host: identity.hostname, time: .now())
    let merge = try await TreeMerge(uploader: uploader, label: label)
      .merge(base: base.tree, theirs: newest.snapshot.tree, ours: ours.id)
    let merged = try await uploader.finish(root: merge.root)
    try await confirm()
    var beside: SavedSnapshot?
    if merge.needsSnapshotOfOurs {
      let conflict = description.conflict(ours.id, before: newest, at: .now(), summary: summary)
      beside = try await repository.saveSnapshot(conflict, of: ours)
    }
    let conflicts = CommitResult.Merge(conflicts: merge.conflicts, ours: ours.id, beside: beside?.id)
    if merge.isTheirs { return .saved(newest, merge: conflicts) }
    let successor = description.successor(merged.id, at: .now(), summary: summary)
    return .saved(try await repository.saveSnapshot(successor, of: merged), merge: conflicts)
  }
}
