/// Lets one task at a time run code that awaits; the others wait in order of arrival.
///
/// Unlike `Locked`, it may be held across backend calls. It is not reentrant: a task that holds it must not enter it
/// again. Waiting cannot be cancelled; the backend's time limits bound the time inside.
public final class AsyncGate: Sendable {
  private struct State {
    var isHeld = false
    var waiters: [CheckedContinuation<Void, Never>] = []
  }

  private let state = Locked(State())

  /// An open gate.
  public init() {}

  /// The result of `body`, during which no other task is inside.
  public func pass<Success: Sendable, Failure>(
    _ body: () async throws(Failure) -> Success
  ) async throws(Failure) -> Success {
    await enter()
    defer { leave() }
    return try await body()
  }

  private func enter() async {
    await withCheckedContinuation { continuation in
      let entered = state.withLock { state in
        if state.isHeld {
          state.waiters.append(continuation)
          return false
        }
        state.isHeld = true
        return true
      }
      if entered { continuation.resume() }
    }
  }

  /// Passes the gate to the task that has waited longest, or opens it.
  private func leave() {
    let next: CheckedContinuation<Void, Never>? = state.withLock { state in
      if state.waiters.isEmpty {
        state.isHeld = false
        return nil
      }
      return state.waiters.removeFirst()
    }
    next?.resume()
  }
}
