import Logging
import ResticCore

/// Forgetting snapshots after a commit.
///
/// **No client waits for it.** It begins when the snapshot is saved, keeps the commit's own shared lock, and takes no
/// other lock: no push has to wait, restic's backups go on, and a client that needs an exclusive lock (`check`,
/// `prune`, `forget`) waits as for any commit. restic's `forget` takes an exclusive lock because it may prune next. To
/// remove only snapshot files, a shared lock is enough: it keeps out clients that would remove a snapshot's data or
/// replace a snapshot (`tag`).
///
/// If two clients forget at the same time by the same policy, they remove the same snapshots as if one forgot after the
/// other.
extension CommitCoordinator {
  /// The longest duration of a run; the next commit continues.
  private static let longestRun = Duration.seconds(10)
  /// The longest duration of a run in a program that ends soon.
  private static let shortRun = Duration.seconds(1)
  /// How long the end of a mount waits for a run.
  static let retentionEndLimit = Duration.seconds(5)
  /// How many snapshots are removed between two checks of the lock and the time.
  private static let batchCount = 32

  /// Begins to forget the snapshots that `retention` does not keep; returns at once.
  func beginRetention() {
    guard let retention, let filter, !retentionRun.isRefused, !state.withLock({ $0.isDiscarded }) else { return }
    retentionRun.begin { [self] in
      do {
        let count = try await forget(retention, filter)
        if count > 0 { logger.info("forgot \(count) snapshots, which --keep-… does not keep") }
      } catch {
        if case .backend(.denied)? = error as? RepositoryError {
          retentionRun.noteRefusal()
          logger.notice("the storage lets nobody remove snapshots, so old ones stay: \(error)")
        } else {
          logger.notice("old snapshots stay for now: \(error)")
        }
      }
    } afterwards: { [lockKeeper] in
      await lockKeeper.releaseUnlessNeeded()
    }
  }

  private func forget(_ retention: SnapshotRetention, _ filter: SnapshotFilter) async throws -> Int {
    let end = ContinuousClock.now.advanced(by: isForOneProgram ? Self.shortRun : Self.longestRun)
    let lock = try await lockKeeper.acquire()
    let shown = current.base.shown.snapshot
    let description = SnapshotDescription(base: shown, filter: filter, identity: identity)
    let group = try await repository.confirmedSnapshotList().matching(description.covers).filter { $0.snapshot.isOurs }
    var rest = retention.removals(from: group, shown: shown?.id, at: clock.wallTime())[...]
    var count = 0
    while !rest.isEmpty, !Task.isCancelled, .now < end {
      try await lock.confirm(unlessWithin: .seconds(1))
      let batch = Array(rest.prefix(Self.batchCount))
      try await repository.forget(batch)
      count += batch.count
      rest = rest.dropFirst(batch.count)
    }
    return count
  }
}
