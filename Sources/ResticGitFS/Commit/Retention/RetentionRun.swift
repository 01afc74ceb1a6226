import ResticCore

/// Forgetting in the background: one run at a time. Thread-safe.
final class RetentionRun: Sendable {
  private struct State {
    var task: Task<Void, Never>?
    var number = 0
  }

  private let state = Locked(State())

  /// Whether a run is under way.
  var isUnderWay: Bool { state.withLock { $0.task != nil } }

  /// Begins a run, unless one is under way. Calls `afterwards` when no run is under way any more.
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

  /// Waits for the run's end; stops it if that takes longer than `limit`.
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
