import ResticCore

/// Waits for something for a limited time only.
enum Deadline {
  /// What `body` returns; nil if that takes longer than `limit`. The task of `body` is cancelled then, and left alone.
  static func run<Success: Sendable>(
    _ limit: Duration, _ body: @escaping @Sendable () async -> Success
  ) async -> Success? {
    let work = Task { await body() }
    let isAnswered = Locked(false)
    return await withCheckedContinuation { (continuation: CheckedContinuation<Success?, Never>) in
      @Sendable func answer(_ result: Success?) {
        let isFirst = isAnswered.withLock { isAnswered in
          defer { isAnswered = true }
          return !isAnswered
        }
        if isFirst { continuation.resume(returning: result) }
      }
      let timer = Task {
        do {
          try await Task.sleep(for: limit)
        } catch {
          return  // The answer was there first.
        }
        answer(nil)
        work.cancel()
      }
      Task {
        answer(await work.value)
        timer.cancel()
      }
    }
  }

  /// What `body`, which may block its thread, returns; nil if that takes longer than `limit`.
  static func blocking<Success: Sendable>(
    _ limit: Duration, _ body: @escaping @Sendable () -> Success
  ) async -> Success? {
    let executor = BlockingExecutor(threadCount: 1)
    return await run(limit) { await executor.run { body() } }
  }
}
