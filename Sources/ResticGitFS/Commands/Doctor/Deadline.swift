import ResticCore

/// Waits for a limited time only.
enum Deadline {
  /// Returns the result of `body`; nil if it takes longer than `limit`. In that case, the task of `body` is cancelled
  /// and not waited for.
  static func run<Success: Sendable>(
    _ limit: Duration, _ body: @escaping @Sendable () async -> Success
  ) async -> Success? {
    let work = Task { await body() }
    return await withCheckedContinuation { (continuation: CheckedContinuation<Success?, Never>) in
      let answer = FirstAnswer(continuation)
      let timer = Task {
        do {
          try await Task.sleep(for: limit)
        } catch {
          return  // The answer was there first.
        }
        answer.give(nil)
        work.cancel()
      }
      Task {
        answer.give(await work.value)
        timer.cancel()
      }
    }
  }

  /// Keeps the first answer and ignores later ones.
  private final class FirstAnswer<Success: Sendable>: Sendable {
    private let continuation: Locked<CheckedContinuation<Success?, Never>?>

    init(_ continuation: CheckedContinuation<Success?, Never>) {
      self.continuation = Locked(continuation)
    }

    func give(_ answer: Success?) {
      continuation.withLock { $0.take() }?.resume(returning: answer)
    }
  }

  /// Returns the result of `body`, which may block its thread; nil if it takes longer than `limit`.
  static func blocking<Success: Sendable>(
    _ limit: Duration, _ body: @escaping @Sendable () -> Success
  ) async -> Success? {
    let executor = BlockingExecutor(threadCount: 1)
    return await run(limit) { await executor.run { body() } }
  }
}
