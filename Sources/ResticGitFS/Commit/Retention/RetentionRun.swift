import ResticCore

/// Runs the forgetting of snapshots in the background, one run at a time. Thread-safe.
final class RetentionRun: Sendable {
  private struct State {
    var task: Task<Void, Never>?
    var number = 0
    var isRefused = false
  }

  private let state = Locked(State())

  /// Whether a run is under way.
  var isUnderWay: Bool { state.withLock { $0.task != nil } }

  /// Whether the storage refuses to remove files: then no run of this mount tries again, and the log says so once.
  var isRefused: Bool { state.withLock { $0.isRefused } }

  /// Notes that the storage refuses to remove files.
  func noteRefusal() { state.withLock { $0.isRefused = true } }

  /// Begins a run, unless one is under way. Calls `afterwards` once no run is under way.
  func begin(_ body: @escaping @Sendable () async -> Void, afterwards: @escaping @Sendable () async -> Void) {
    state.withLock { state in
      guard state.task == nil else { return }
      state.number += 1
      let number = state.number
      state.task = Task {
        await body()
        self.noteEnd(of: number)
        await afterwards()
      }
    }
  }

  /// Makes the run stop before its next removals.
  func cancel() { state.withLock { $0.task?.cancel() } }

  /// Waits for the run's end; stops the run if it takes longer than `limit`.
  func end(within limit: Duration) async {
    guard let task = state.withLock({ $0.task }) else { return }
    let timer = Task {
      try? await Task.sleep(for: limit)  // cancelled once the run has ended
      task.cancel()
    }
    await task.value
    timer.cancel()
  }

  private func noteEnd(of number: Int) {
    state.withLock { state in
      if state.number == number { state.task = nil }
    }
  }
}
