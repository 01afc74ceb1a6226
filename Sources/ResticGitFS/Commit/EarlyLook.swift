import ResticCore

/// What a commit looks for while its contents are still being stored: once it has the commit lock, what others have saved, and
/// that both locks are there.
///
/// As long as the lock is held no other client of ours saves a snapshot. So a list that was made under the lock is as good
/// as one that is made under the same lock later; that the lock was there all the time is confirmed before and after the saving.
struct EarlyLook: Sendable {
  /// What was found.
  struct Found: Sendable {
    /// The lock that was held.
    let commitLock: CommitLock
    /// When the look began.
    let time: Timestamp
    let list: SnapshotList
    let confirmation: LockConfirmation
  }

  private let task: Task<Found, any Error>

  /// Begins to look once `reservation` has the commit lock.
  init(_ reservation: CommitReservation, _ lock: RepositoryLock, on repository: Repository, clock: LockClock) {
    task = Task {
      let commitLock = try await reservation.reservedLock()
      repository.anticipateStoring()
      let time = clock.wallTime()
      let confirmation = LockConfirmation(of: lock, commitLock, on: repository)
      return Found(
        commitLock: commitLock, time: time, list: try await repository.snapshotList(rereadsDamaged: true),
        confirmation: confirmation)
    }
  }

  /// What was found under `commitLock`; nil where nothing was: then it is looked for again, and whoever does hears why that fails.
  func found(under commitLock: CommitLock) async -> Found? {
    let found = await withTaskCancellationHandler {
      await task.result
    } onCancel: {
      task.cancel()
    }
    guard case .success(let found) = found, found.commitLock === commitLock else { return nil }
    return found
  }
}
