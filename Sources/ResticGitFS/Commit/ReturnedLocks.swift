import Logging
import ResticCore

/// Commit locks that are being released in the background. Thread-safe.
final class ReturnedLocks: Sendable {
  private let tasks = Locked<[Task<Void, Never>]>([])

  /// Begins to release `lock`.
  func take(_ lock: CommitLock, _ logger: Logger) {
    let task = Task { await CommitReservation.release(lock, logger) }
    tasks.withLock { $0.append(task) }
  }

  /// Waits until all locks are released, or left behind with a warning. A cancelled task does not wait for a storage
  /// that does not answer.
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
