import Logging
import ResticCore

/// Commit locks on their way back to the storage, while the commit goes on. Thread-safe.
final class ReturnedLocks: Sendable {
  private let tasks = Locked<[Task<Void, Never>]>([])

  /// Begins to give `lock` back.
  func take(_ lock: CommitLock, _ logger: Logger) {
    let task = Task { await CommitReservation.release(lock, logger) }
    tasks.withLock { $0.append(task) }
  }

  /// Waits until all locks are given back, or were left behind with a warning: who is cancelled does not wait for a storage that is
  /// away.
  func wait() async {
    while let task = tasks.withLock({ $0.popLast() }) {
      await withTaskCancellationHandler {
        await task.value
      } onCancel: {
        task.cancel()
      }
    }
  }
}
