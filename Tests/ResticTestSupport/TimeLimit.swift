import Glibc

/// A wait that has not ended in time.
public struct TimeLimitExceeded: Error, CustomStringConvertible {
  let limit: Duration

  /// The text that the failed test prints.
  public var description: String { "it has not ended after \(limit)" }
}

/// The result of `body`, or `TimeLimitExceeded` after `limit`.
///
/// For code that may wait for ever if it is faulty: a test's own time limit only cancels the task, and code that ignores the
/// cancellation goes on waiting. A stuck task is left behind.
public func withTimeLimit<Success: Sendable>(
  _ limit: Duration = .seconds(600), _ body: @escaping @Sendable () async throws -> Success
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
    try await Task.sleep(for: limit)  // The limit itself.
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

/// Returns when `condition` holds. Evaluates it again and again, and throws `TimeLimitExceeded` after `limit`.
///
/// Tests of many suites run at the same time, so a program may take seconds to start: a limit under 30 s fails on a busy machine.
public func waitUntil(_ limit: Duration = .seconds(300), _ condition: () async throws -> Bool) async throws {
  let end = ContinuousClock.now.advanced(by: limit)
  while try await !condition() {
    guard ContinuousClock.now < end else { throw TimeLimitExceeded(limit: limit) }
    try await Task.sleep(for: .milliseconds(1))  // The pause between two looks.
  }
}

/// As `waitUntil`, but blocks the calling thread: for tests that are not asynchronous.
public func waitBlocking(_ limit: Duration = .seconds(300), until condition: () throws -> Bool) throws {
  let end = ContinuousClock.now.advanced(by: limit)
  while try !condition() {
    guard ContinuousClock.now < end else { throw TimeLimitExceeded(limit: limit) }
    usleep(1_000)  // The pause between two looks.
  }
}

/// The result of the first call of `body` that does not return nil. The first call gets the limit `first`, and each further call
/// twice the limit of the call before.
///
/// For tests of a product's time limit within which something has to happen first. `body` returns nil if the limit struck too
/// early. Throws `TimeLimitExceeded` once the limit would exceed two minutes.
public func withGrowingLimit<Success>(
  from first: Duration, _ body: (Duration) async throws -> Success?
) async throws -> Success {
  var limit = first
  while limit <= .seconds(120) {
    if let result = try await body(limit) { return result }
    limit *= 2
  }
  throw TimeLimitExceeded(limit: limit)
}
