/// How many calls a storage is given at a time: as many as the user allows, and fewer while the storage has too much to do.
///
/// Each time the storage says so (`BackendError.busy`) the number is halved, down to one; after some calls that went well it grows by
/// one. What several calls at a time are told is told once. Lock order: `state` is held while `gate` is changed.
final class ConnectionAllowance: Sendable {
  private struct State {
    var current: Int
    /// Counts the halvings: a call that began before the last one says nothing new.
    var round = 0
    /// Calls that went well since `current` has changed.
    var successCount = 0
  }

  /// So many calls in a row have to go well before there is one more at a time.
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

  /// How many calls there may be at a time now.
  var current: Int { state.withLock { $0.current } }

  /// What `call` returns, made when it is its turn. A task that is cancelled while it waits throws `.unavailable`.
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
