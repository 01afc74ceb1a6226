/// Lets at most so many through at a time; the others wait in the order in which they came.
///
/// A connection that is given back goes straight to the first one waiting, so nobody can overtake. `state` is a leaf
/// lock: nothing is called while it is held.
final class ConnectionGate: Sendable {
  private struct State {
    var freeCount: Int
    var lastTicket = 0
    /// In order of their tickets; the continuation is told whether it got a connection.
    var waiting: [(ticket: Int, continuation: CheckedContinuation<Bool, Never>)] = []
  }

  private let state: Locked<State>

  /// A gate for `connections` at a time.
  init(connections: Int) {
    precondition(connections > 0, "nothing would ever get through")
    state = Locked(State(freeCount: connections))
  }

  /// Waits for a connection. False, and none is taken, when the task is cancelled while it has to wait.
  func enter() async -> Bool {
    let ticket: Int? = state.withLock { state in
      if state.freeCount > 0 {
        state.freeCount -= 1
        return nil
      }
      state.lastTicket += 1
      return state.lastTicket
    }
    guard let ticket else { return true }

    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let answer: Bool? = state.withLock { state in
          // Under the lock: a cancellation that comes later finds the entry below, an earlier one is seen here.
          if Task.isCancelled { return false }
          if state.freeCount > 0 {
            state.freeCount -= 1
            return true
          }
          state.waiting.append((ticket, continuation))
          return nil
        }
        if let answer { continuation.resume(returning: answer) }
      }
    } onCancel: {
      let cancelled = state.withLock { state in
        state.waiting.firstIndex { $0.ticket == ticket }.map { state.waiting.remove(at: $0).continuation }
      }
      cancelled?.resume(returning: false)
    }
  }

  /// Gives a connection back.
  func leave() {
    let next = state.withLock { state -> CheckedContinuation<Bool, Never>? in
      guard !state.waiting.isEmpty else {
        state.freeCount += 1
        return nil
      }
      return state.waiting.removeFirst().continuation
    }
    next?.resume(returning: true)
  }

  /// How many are waiting now.
  var waitingCount: Int { state.withLock { $0.waiting.count } }
}
