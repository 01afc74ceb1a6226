import ResticCore
import ResticTestSupport

/// Runs several clients one step at a time: each waits before every call of the backend and in every sleep until the test
/// lets it go on. So a run is determined by the order in which the test chooses.
final class Stepper: Sendable {
  private struct Waiting {
    let client: Int
    let deadline: Duration?
    let continuation: CheckedContinuation<Void, Never>
  }

  private struct State {
    var now = Duration.zero
    var runningCount = 0
    var waiting: [Waiting] = []
    var controller: CheckedContinuation<Void, Never>?

    mutating func pause() -> CheckedContinuation<Void, Never>? {
      runningCount -= 1
      return runningCount == 0 ? controller.take() : nil
    }
  }

  private let state = Locked(State())

  var now: Duration { state.withLock { $0.now } }

  /// Begins a client. It ends with `body`.
  func begin(_ client: Int, _ body: @escaping @Sendable () async -> Void) {
    state.withLock { $0.runningCount += 1 }
    Task {
      await step(client)
      await body()
      state.withLock { $0.pause() }?.resume()
    }
  }

  /// Waits to be chosen; for a sleeper the time is `deadline` then.
  func step(_ client: Int, until deadline: Duration? = nil) async {
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      state.withLock { state -> CheckedContinuation<Void, Never>? in
        state.waiting.append(Waiting(client: client, deadline: deadline, continuation: continuation))
        return state.pause()
      }?.resume()
    }
  }

  /// Lets one client at a time go on to its next step, as `choose` says: it is given the waiting clients, in order. True
  /// when all came to their end within `limit` steps.
  func run(limit: Int, choose: ([Int]) -> Int) async -> Bool {
    for _ in 0..<limit {
      await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
        state.withLock { state -> CheckedContinuation<Void, Never>? in
          guard state.runningCount > 0 else { return continuation }
          state.controller = continuation
          return nil
        }?.resume()
      }
      let waiting = state.withLock { $0.waiting.map(\.client).sorted() }
      guard !waiting.isEmpty else { return true }
      let chosen = waiting.count == 1 ? waiting[0] : choose(waiting)
      state.withLock { state -> Waiting? in
        guard let index = state.waiting.firstIndex(where: { $0.client == chosen }) else { return nil }
        let next = state.waiting.remove(at: index)
        if let deadline = next.deadline { state.now = max(state.now, deadline) }
        state.runningCount += 1
        return next
      }?.continuation.resume()
    }
    return false
  }
}

/// One client's access to a backend in a run; outside of runs calls simply pass.
final class SteppingBackend: Backend {
  private let base: MemoryBackend
  private let client: Int
  private let isImmediate: Bool
  let stepper = Locked<Stepper?>(nil)

  init(_ base: MemoryBackend, client: Int, isImmediate: Bool) {
    self.base = base
    self.client = client
    self.isImmediate = isImmediate
  }

  var description: String { base.description }
  var isDistant: Bool { base.isDistant }

  private func wait() async {
    await stepper.withLock { $0 }?.step(client)
  }

  func create() async throws(BackendError) {
    await wait()
    try await base.create()
  }

  func save(_ file: BackendFile, _ bytes: PooledBytes) async throws(BackendError) {
    await wait()
    try await base.save(file, bytes)
  }

  func load(_ file: BackendFile, range: Range<Int>?) async throws(BackendError) -> PooledBytes {
    // The config is read before each write and never changes here: when that happens decides nothing.
    if file != .config { await wait() }
    return try await base.load(file, range: range)
  }

  func byteCount(of file: BackendFile) async throws(BackendError) -> Int {
    await wait()
    return try await base.byteCount(of: file)
  }

  func list(_ type: BackendFileType) async throws(BackendError) -> [BackendEntry] {
    await wait()
    return try await base.list(type)
  }

  func remove(_ file: BackendFile) async throws(BackendError) {
    await wait()
    try await base.remove(file)
  }

  func capacity() async throws(BackendError) -> StorageCapacity? {
    nil
  }

  func listingsAreImmediate(of type: BackendFileType) async -> Bool { isImmediate }
}

/// The time of a run, as one client sees it. Sleeps of more than an hour, which only refreshing tasks make, are real.
struct StepClock: Clock {
  struct Instant: InstantProtocol {
    let offset: Duration

    func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
    func duration(to other: Instant) -> Duration { other.offset - offset }
    static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
  }

  let stepper: Stepper
  let client: Int

  var now: Instant { Instant(offset: stepper.now) }
  var minimumResolution: Duration { .zero }

  func sleep(until deadline: Instant, tolerance: Duration?) async throws {
    if now.duration(to: deadline) > .seconds(3600) {
      try await Task.sleep(for: .seconds(3600))
    } else {
      await stepper.step(client, until: deadline.offset)
    }
  }
}
