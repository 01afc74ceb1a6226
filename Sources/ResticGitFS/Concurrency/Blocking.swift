import Dispatch
import FuseBridge
import ResticCore
import SystemPackage

/// The one bridge from the synchronous core to the asynchronous edge: this plain thread waits for `operation`.
///
/// If the requesting process ends or is asked to end (`FuseRequest`), throws `Errno.interrupted` at once and cancels
/// `operation`. Must not be called from a task: the Swift pool has one thread for each core, and a thread that waits
/// here is lost to the others.
func blocking<Success: Sendable>(
  _ operation: @escaping @Sendable () async throws -> Success
) throws -> Success {
  withUnsafeCurrentTask { precondition($0 == nil, "blocking(_:) is for plain threads") }
  let done = DispatchSemaphore(value: 0)
  let box = ResultBox<Success>()
  let task = Task {
    let result: Result<Success, any Error>
    do { result = .success(try await operation()) } catch { result = .failure(error) }
    box.result.withLock { $0 = result }
    done.signal()
  }
  guard FuseRequest.wait(for: done) else {
    task.cancel()
    throw Errno.interrupted
  }
  guard let result = box.result.withLock({ $0 }) else { preconditionFailure("the task has signalled") }
  return try result.get()
}

/// Waits on this plain thread until `semaphore` is signalled. Returns false at once if the requesting process ends, or
/// is asked to end (`FuseRequest`).
func waitUnlessInterrupted(for semaphore: DispatchSemaphore) -> Bool {
  FuseRequest.wait(for: semaphore)
}

/// Carries a result from a task to the thread that waits for it.
private final class ResultBox<Success: Sendable>: Sendable {
  let result = Locked<Result<Success, any Error>?>(nil)
}
