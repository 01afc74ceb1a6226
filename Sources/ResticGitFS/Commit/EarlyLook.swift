import ResticCore

/// The look that a commit makes while its contents are still being stored: once it has the commit lock, it lists
/// others' snapshots, and confirms both locks.
///
/// While the lock is held, no other client of this program saves a snapshot. So a list made early under the lock is as
/// good as a later one; the lock is confirmed before and after saving.
struct EarlyLook: Sendable {
  /// The result of a look.
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

  /// The result under `commitLock`; nil if there is none: the caller then looks again, and gets the error.
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
