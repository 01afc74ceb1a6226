import ResticCore
import ResticTestSupport

/// Stops one of two clients before its backend call number k, until the other has ended or can't go on without it: that is
/// when it has looked at the locks again and again.
///
/// Thread-safe; both clients' backends pass every call through it.
final class Turnstile: Sendable {
  private struct State {
    var callsLeft: Int?
    var isStopped = false
    var looks = 0
    var waiting: [CheckedContinuation<Void, Never>] = []
  }

  /// Looks at the locks of a client that waits for the commit lock, and is not just taking a lock of its own.
  private static let looksOfAWaiter = 12

  private let stopped: Int
  private let state = Locked(State())
  private let reached: AsyncStream<Bool>
  private let reachedContinuation: AsyncStream<Bool>.Continuation

  /// For a client whose number is `stopped`, 0 or 1.
  init(stopping stopped: Int) {
    self.stopped = stopped
    (reached, reachedContinuation) = AsyncStream.makeStream()
  }

  /// A way to `storage` for one of the clients.
  func backend(of client: Int, to storage: any Backend) -> FaultBackend {
    FaultBackend(storage, pause: { call in await self.pass(client, call) }, fault: { _ in nil })
  }

  /// From now on calls of the client to be stopped count.
  func stop(beforeCall number: Int) {
    state.withLock { $0.callsLeft = number }
  }

  /// Waits until the client stops, or has ended without. Says whether it stops.
  func isStopping() async -> Bool {
    var events = reached.makeAsyncIterator()
    return await events.next() ?? false
  }

  /// The client to be stopped has ended.
  func end() {
    reachedContinuation.finish()
  }

  /// Lets the client go on.
  func release() {
    let waiting = state.withLock { state in
      defer { state.waiting = [] }
      state.isStopped = false
      state.callsLeft = nil
      return state.waiting
    }
    for continuation in waiting { continuation.resume() }
  }

  private func pass(_ client: Int, _ call: BackendCall) async {
    guard client == stopped else {
      let isStuck = state.withLock { state in
        guard state.isStopped, call.operation == .list, call.type == .lock else { return false }
        state.looks += 1
        return state.looks == Self.looksOfAWaiter
      }
      if isStuck { release() }
      return
    }
    let isNew = state.withLock { state in
      guard let left = state.callsLeft, !state.isStopped else { return false }
      state.callsLeft = left - 1
      state.isStopped = left == 1
      return state.isStopped
    }
    if isNew { reachedContinuation.yield(true) }
    await withCheckedContinuation { continuation in
      let isFree = state.withLock { state in
        if state.isStopped { state.waiting.append(continuation) }
        return !state.isStopped
      }
      if isFree { continuation.resume() }
    }
  }
}
