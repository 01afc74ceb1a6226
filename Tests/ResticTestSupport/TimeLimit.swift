/// What has not ended in time.
public struct TimeLimitExceeded: Error, CustomStringConvertible {
  let limit: Duration

  /// What the failed test prints.
  public var description: String { "it has not ended after \(limit)" }
}

/// The result of `body`, or `TimeLimitExceeded` after `limit`.
///
/// For code that may wait for ever when it is at fault: a test's own time limit cancels the task, and what does not look
/// whether it is cancelled goes on waiting. What is stuck is left behind.
public func withTimeLimit<Success: Sendable>(
  _ limit: Duration = .seconds(120), _ body: @escaping @Sendable () async throws -> Success
) async throws -> Success {
  let (results, continuation) = AsyncStream.makeStream(of: Result<Success, any Error>.self)
  let work = Task {
    let result: Result<Success, any Error>
    do {
      result = .success(try await body())
    } catch {
      result = .failure(error)
    }
    continuation.yield(result)
    continuation.finish()
  }
  let timer = Task {
    try await Task.sleep(for: limit)
    continuation.yield(.failure(TimeLimitExceeded(limit: limit)))
    continuation.finish()
  }
  defer {
    timer.cancel()
    work.cancel()
  }
  return try await withTaskCancellationHandler {
    for await result in results { return try result.get() }
    throw CancellationError()
  } onCancel: {
    work.cancel()
  }
}

/// Returns when `condition` holds, which is looked at again and again; throws `TimeLimitExceeded` after `limit`.
public func waitUntil(_ limit: Duration = .seconds(120), _ condition: () throws -> Bool) async throws {
  let end = ContinuousClock.now.advanced(by: limit)
  while try !condition() {
    guard ContinuousClock.now < end else { throw TimeLimitExceeded(limit: limit) }
    try await Task.sleep(for: .milliseconds(1))
  }
}
