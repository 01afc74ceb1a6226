/// How many calls a storage gets at a time: as many as the user allows, and fewer while the storage is overloaded.
///
/// Each time the storage reports an overload (`BackendError.busy`) the number is halved, down to one; after some
/// successful calls it grows by one. Reports of calls that ran at the same time count once. Lock order: `state` is held
/// while `gate` is changed.
final class ConnectionAllowance: Sendable {
  private struct State {
    var current: Int
    /// Counts the halvings: a report by a call that began before the last halving is ignored.
    var round = 0
    /// Successful calls since `current` changed.
    var successCount = 0
  }

  /// How many calls in a row must succeed before one more is allowed at a time.
  private static let successesPerStep = 20

  private let most: Int
  private let gate: ConnectionGate
  private let state: Locked<State>

  /// At most `connections` calls at a time.
  init(connections: Int) {
    most = connections
    gate = ConnectionGate(connections: connections)
    state = Locked(State(current: connections))
  }

  /// How many calls are allowed at a time now.
  var current: Int { state.withLock { $0.current } }

  /// The result of `call`, which is made when it is its turn. A task that is cancelled while it waits throws
  /// `.unavailable`.
  func pass<Success>(_ call: () async throws(BackendError) -> Success) async throws(BackendError) -> Success {
    guard await gate.enter() else { throw .unavailable("cancelled while waiting for a connection") }
    defer { gate.leave() }
    let round = state.withLock { $0.round }
    do throws(BackendError) {
      let success = try await call()
      noteSuccess()
      return success
    } catch {
      if case .busy = error { noteOverload(in: round) }
      throw error
    }
  }

  private func noteSuccess() {
    state.withLock { state in
      guard state.current < most else { return }
      state.successCount += 1
      guard state.successCount >= Self.successesPerStep else { return }
      state.successCount = 0
      state.current += 1
      gate.change(by: 1)
    }
  }

  private func noteOverload(in round: Int) {
    state.withLock { state in
      state.successCount = 0
      guard state.round == round, state.current > 1 else { return }
      let next = state.current / 2
      gate.change(by: next - state.current)
      state.current = next
      state.round += 1
    }
  }
}
