/// Writes to a cache that run beside the work that they come from.
///
/// 1. The caller of `begin` does not wait for this machine's disk. If too much is waiting to be written, a file is not
///    written.
/// 2. A caller that reads or removes a file first waits for the writes of that file.
/// 3. Closing the repository waits for all writes, up to a limit.
///
/// `state` is a leaf lock.
final class CacheWrites: Sendable {
  private struct Write {
    let file: BackendFile?
    let byteCount: Int
    let task: Task<Void, Never>
  }

  private struct State {
    var writes: [Int: Write] = [:]
    var byteCount = 0
    var lastNumber = 0
  }

  /// How many bytes wait in memory for a slow disk at most; one larger file is let through.
  private static let byteLimit = 32 << 20

  private let state = Locked(State())

  /// Begins to write `file`, or nil for something else, to the cache. It takes `byteCount` bytes of memory until
  /// `write` has ended.
  func begin(_ file: BackendFile?, byteCount: Int, _ write: @escaping @Sendable () async -> Void) {
    state.withLock { state in
      guard state.byteCount == 0 || state.byteCount + byteCount <= Self.byteLimit else { return }
      state.lastNumber += 1
      let number = state.lastNumber
      let task = Task {
        await write()
        end(number)
      }
      state.writes[number] = Write(file: file, byteCount: byteCount, task: task)
      state.byteCount += byteCount
    }
  }

  private func end(_ number: Int) {
    state.withLock { state in
      state.byteCount -= state.writes.removeValue(forKey: number)?.byteCount ?? 0
    }
  }

  /// Waits for the writes of `file` that have begun.
  func wait(for file: BackendFile) async {
    let tasks = state.withLock { state in
      state.writes.isEmpty ? [] : state.writes.values.filter { $0.file == file }.map(\.task)
    }
    for task in tasks { await task.value }
  }

  /// Waits for all writes that have begun, at most for `limit`.
  func finish(within limit: Duration) async {
    let tasks = state.withLock { $0.writes.values.map(\.task) }
    guard !tasks.isEmpty else { return }
    let (end, signal) = AsyncStream.makeStream(of: Never.self)
    Task {
      for task in tasks { await task.value }
      signal.finish()
    }
    let alarm = Task {
      // Cancelled if the writes end first.
      try? await Task.sleep(for: limit)
      signal.finish()
    }
    for await _ in end {}
    alarm.cancel()
  }
}
