/// Lets a limited number of tasks through at a time; the others wait in order of arrival.
///
/// A returned connection goes directly to the first waiting task, so nobody can overtake. `state` is a leaf lock:
/// nothing is called while it is held.
final class ConnectionGate: Sendable {
  private struct State {
    /// Below zero if several tasks have to leave before the next one enters.
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

  /// Waits for a connection. Returns false, without a connection, if the task is cancelled while it has to wait and
  /// `isCancellable`.
  func enter(isCancellable: Bool = true) async -> Bool {
    let ticket: Int? = state.withLock { state in
      if state.freeCount > 0 {
        state.freeCount -= 1
        return nil
      }
      state.lastTicket += 1
      return state.lastTicket
    }
    guard let ticket else { return true }
    guard isCancellable else { return await wait(ticket, isCancellable: false) }
    return await withTaskCancellationHandler {
      await wait(ticket, isCancellable: true)
    } onCancel: {
      let cancelled = state.withLock { state in
        state.waiting.firstIndex { $0.ticket == ticket }.map { state.waiting.remove(at: $0).continuation }
      }
      cancelled?.resume(returning: false)
    }
  }

  private func wait(_ ticket: Int, isCancellable: Bool) async -> Bool {
    await withCheckedContinuation { continuation in
      let answer: Bool? = state.withLock { state in
        // Under the lock: a later cancellation finds the entry below, an earlier one is seen here.
        if isCancellable, Task.isCancelled { return false }
        if state.freeCount > 0 {
          state.freeCount -= 1
          return true
        }
        state.waiting.append((ticket, continuation))
        return nil
      }
      if let answer { continuation.resume(returning: answer) }
    }
  }

  /// Raises the limit by `count`, or lowers it if `count` is negative; tasks that are already through stay.
  func change(by count: Int) {
    let entering = state.withLock { state -> [CheckedContinuation<Bool, Never>] in
      state.freeCount += count
      let entering = state.waiting.prefix(max(0, state.freeCount))
      state.freeCount -= entering.count
      state.waiting.removeFirst(entering.count)
      return entering.map(\.continuation)
    }
    for continuation in entering { continuation.resume(returning: true) }
  }

  /// Returns a connection.
  func leave() {
    let next = state.withLock { state -> CheckedContinuation<Bool, Never>? in
      guard state.freeCount >= 0, !state.waiting.isEmpty else {
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
