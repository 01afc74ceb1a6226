/// What is on its way into a cache beside the work that it comes from.
///
/// 1. Whoever begins a write does not wait for this machine's disk. What would be too much on its way is not written.
/// 2. Whoever reads or removes a file waits for the writes of that file first.
/// 3. At the end whoever closes the repository waits for all of them, and not longer than the disk deserves.
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

  /// As many bytes are held in memory for a disk that does not keep up; one larger file is let through.
  private static let byteLimit = 32 << 20

  private let state = Locked(State())

  /// Begins to put `file` into the cache, nil for something else, which holds `byteCount` bytes of memory until `write` is over.
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
      // Cancelled where the writes are over first.
      try? await Task.sleep(for: limit)
      signal.finish()
    }
    for await _ in end {}
    alarm.cancel()
  }
}
