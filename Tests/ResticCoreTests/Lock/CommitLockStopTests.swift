import ResticTestSupport
import Testing

@testable import ResticCore

@Suite("A client that stops, for a while or for ever, while it holds or takes the commit lock")
struct CommitLockStopTests {
  /// How a stopped client's call ends.
  enum Stop: CaseIterable {
    /// The call is made when the client goes on.
    case before
    /// The call was made; the client has not got the answer.
    case after
  }

  /// Two machines: time passes equally for both, and the test waits for their work.
  private final class Scene {
    let storage = MemoryBackend()
    let stopper: StoppingBackend
    let first: Client
    let second: Client

    init(stop: Stop, atCall number: Int, wallOffset: Duration = .zero) async throws {
      _ = try await TestRepository.create(on: storage)
      stopper = StoppingBackend(storage)
      first = Client(try await Self.open(stopper, "first"), wallOffset: .zero)
      second = Client(try await Self.open(storage, "second"), wallOffset: wallOffset)
      stopper.arm(stop, atCall: number)
    }

    private static func open(_ backend: any Backend, _ hostname: String) async throws -> Repository {
      var settings = TestRepository.settings()
      settings.identity.hostname = hostname
      return try await TestRepository.open(backend, settings: settings)
    }

    var locks: [BackendFile] { storage.files.keys.filter { $0.type == .lock } }

    /// Lets the time pass until `condition` or for `limit`.
    func pass(_ limit: Duration, until condition: () -> Bool = { false }) async throws {
      var left = limit
      while true {
        try await settle()
        guard left > .zero, !condition() else { return }
        first.clock.advance(by: .seconds(1))
        second.clock.advance(by: .seconds(1))
        left -= .seconds(1)
      }
    }

    /// Waits until both clients only wait.
    private func settle() async throws {
      let end = ContinuousClock.now.advanced(by: .seconds(60))
      while !(first.isIdle || stopper.isStopped) || !second.isIdle {
        try #require(ContinuousClock.now < end, "a client does not come to rest")
        await Task.yield()
      }
    }
  }

  /// One machine.
  private final class Client: Sendable {
    private enum State {
      case idle
      case acquiring
      case holding(CommitLock)
      case releasing
      case failed(any Error)
    }

    let clock = TestClock()
    private let repository: Repository
    private let wallOffset: Duration
    private let state = Locked(State.idle)

    init(_ repository: Repository, wallOffset: Duration) {
      self.repository = repository
      self.wallOffset = wallOffset
    }

    func acquire() {
      state.withLock { $0 = .acquiring }
      let lockClock = LockClock(clock) { [clock, wallOffset] in
        let time = (clock.wallTime + wallOffset).components
        return Timestamp(seconds: time.seconds, nanoseconds: UInt32(time.attoseconds / 1_000_000_000))
      }
      Task {
        do {
          let lock = try await CommitLock.acquire(on: repository, retryFor: .seconds(600), clock: lockClock)
          state.withLock { $0 = .holding(lock) }
        } catch {
          state.withLock { $0 = .failed(error) }
        }
      }
    }

    func release() {
      guard let lock else { return }
      state.withLock { $0 = .releasing }
      Task {
        do {
          try await lock.release()
          state.withLock { $0 = .idle }
        } catch {
          state.withLock { $0 = .failed(error) }
        }
      }
    }

    /// The lock it got and has not begun to release.
    var lock: CommitLock? {
      state.withLock { state in
        if case .holding(let lock) = state { lock } else { nil }
      }
    }

    /// Whether it may save a snapshot.
    var isHolder: Bool {
      guard let lock else { return false }
      do throws(RepositoryError) {
        try lock.validate()
        return true
      } catch {
        return false
      }
    }

    var failure: (any Error)? {
      state.withLock { state in
        if case .failed(let error) = state { error } else { nil }
      }
    }

    /// Whether the client sleeps, or has nothing to do. A lost lock is no longer refreshed.
    var isIdle: Bool {
      let (isBusy, sleeps) = state.withLock { state in
        switch state {
        case .idle, .failed: (false, false)
        case .acquiring, .holding: (true, true)
        case .releasing: (true, false)
        }
      }
      return !isBusy || (sleeps && clock.sleeperCount > 0) || (lock != nil && !isHolder)
    }
  }

  /// How many calls the first client makes to take the lock, keep it for 100 s, and give it back.
  private static func callCount() async throws -> Int {
    let scene = try await Scene(stop: .before, atCall: .max)
    try await firstClientsTurn(scene)
    #expect(scene.locks.isEmpty)
    return scene.stopper.callCount
  }

  private static func firstClientsTurn(_ scene: Scene) async throws {
    scene.first.acquire()
    try await scene.pass(.seconds(5)) { scene.first.isHolder || scene.stopper.isStopped }
    if scene.stopper.isStopped { return }
    try await scene.pass(.seconds(100)) { scene.stopper.isStopped }
    if scene.stopper.isStopped { return }
    scene.first.release()
    try await scene.pass(.seconds(1)) { scene.stopper.isStopped }
  }

  @Test(
    "whichever call the client stops at, the next client gets the lock within 130 s, and both never have it together",
    arguments: Stop.allCases)
  func everyCall(stop: Stop) async throws {
    let callCount = try await Self.callCount()
    #expect(callCount > 10)
    for number in 1...callCount {
      let scene = try await Scene(stop: stop, atCall: number)
      try await Self.firstClientsTurn(scene)
      try #require(scene.stopper.isStopped)
      let start = scene.second.clock.now
      scene.second.acquire()
      try await scene.pass(.seconds(130)) { scene.second.isHolder }
      #expect(
        scene.second.isHolder, "call \(number): still waiting after \(start.duration(to: scene.second.clock.now))")
      #expect(!scene.first.isHolder, "call \(number)")

      scene.stopper.goOn()
      try await scene.pass(.seconds(100)) { scene.first.isHolder }
      #expect(!scene.first.isHolder, "call \(number)")
      #expect(scene.second.isHolder, "call \(number): \(String(describing: scene.second.failure))")
      try await scene.second.lock?.confirm()
      scene.second.release()
      try await scene.pass(.seconds(30))
      if let lock = scene.first.lock, !scene.first.isHolder {
        await #expect(throws: RepositoryError.self) { try await lock.confirm() }
      }
      scene.first.release()
      try await scene.pass(.seconds(1))
      #expect(scene.first.failure == nil && scene.second.failure == nil, "call \(number)")
      #expect(scene.locks.isEmpty, "call \(number)")
    }
  }

  @Test("clocks that differ by an hour change nothing", arguments: [-3600, 3600], [5, 9])
  func clocks(seconds: Int64, call number: Int) async throws {
    let scene = try await Scene(stop: .after, atCall: number, wallOffset: .seconds(seconds))
    try await Self.firstClientsTurn(scene)
    scene.second.acquire()
    try await scene.pass(.seconds(110)) { scene.second.isHolder }
    #expect(!scene.second.isHolder)
    try await scene.pass(.seconds(20)) { scene.second.isHolder }
    #expect(scene.second.isHolder)
    scene.stopper.goOn()
    try await scene.pass(.seconds(20))
    #expect(!scene.first.isHolder)
    #expect(scene.second.isHolder)
  }

  @Test(
    "a holder that refreshes its lock is never taken for dead, whatever the clocks say", arguments: [-3600, 0, 3600])
  func living(seconds: Int64) async throws {
    let scene = try await Scene(stop: .before, atCall: .max, wallOffset: .seconds(seconds))
    scene.first.acquire()
    try await scene.pass(.seconds(5)) { scene.first.isHolder }
    scene.second.acquire()
    try await scene.pass(.seconds(400)) { scene.second.isHolder }
    #expect(scene.first.isHolder)
    #expect(!scene.second.isHolder)
    try await scene.first.lock?.confirm()
    scene.first.release()
    try await scene.pass(.seconds(10)) { scene.second.isHolder }
    #expect(scene.second.isHolder)
    #expect(scene.locks.count == 1)
  }

  @Test("after both machines have slept, the first to wake does not take the other for dead")
  func bothSleep() async throws {
    let scene = try await Scene(stop: .before, atCall: .max)
    scene.first.acquire()
    try await scene.pass(.seconds(5)) { scene.first.isHolder }
    scene.second.acquire()
    try await scene.pass(.seconds(50))
    // The second machine's clock goes on in its sleep; the time asleep does not count as time of observation.
    scene.second.clock.advance(by: .seconds(300))
    try await scene.pass(.zero)
    #expect(!scene.second.isHolder)
    #expect(scene.first.isHolder)
    try await scene.first.lock?.confirm()
  }
}

/// A backend whose client stops at one call until it is told to go on.
private final class StoppingBackend: Backend {
  private struct State {
    var number = Int.max
    var stop = CommitLockStopTests.Stop.before
    var callCount = 0
    var stopped: CheckedContinuation<Void, Never>?
  }

  private let base: MemoryBackend
  private let state = Locked(State())

  init(_ base: MemoryBackend) {
    self.base = base
  }

  let description = "stopping"
  let isDistant = false
  var isStopped: Bool { state.withLock { $0.stopped != nil } }
  var callCount: Int { state.withLock { $0.callCount } }

  /// Counts calls from now on.
  func arm(_ stop: CommitLockStopTests.Stop, atCall number: Int) {
    state.withLock { state in
      state.stop = stop
      state.number = number
      state.callCount = 0
    }
  }

  func goOn() {
    state.withLock { $0.stopped.take() }?.resume()
  }

  private func pass<Success>(_ call: () async throws(BackendError) -> Success) async throws(BackendError) -> Success {
    let stop: CommitLockStopTests.Stop? = state.withLock { state in
      state.callCount += 1
      return state.callCount == state.number ? state.stop : nil
    }
    if stop == .before { await wait() }
    let result: Result<Success, BackendError>
    do throws(BackendError) {
      result = .success(try await call())
    } catch {
      result = .failure(error)
    }
    if stop == .after { await wait() }
    return try result.get()
  }

  private func wait() async {
    await withCheckedContinuation { continuation in state.withLock { $0.stopped = continuation } }
  }

  func create() async throws(BackendError) {
    try await pass { () async throws(BackendError) in try await base.create() }
  }

  func save(_ file: BackendFile, _ bytes: PooledBytes) async throws(BackendError) {
    try await pass { () async throws(BackendError) in try await base.save(file, bytes) }
  }

  func load(_ file: BackendFile, range: Range<Int>?) async throws(BackendError) -> PooledBytes {
    try await pass { () async throws(BackendError) in try await base.load(file, range: range) }
  }

  func byteCount(of file: BackendFile) async throws(BackendError) -> Int {
    try await pass { () async throws(BackendError) in try await base.byteCount(of: file) }
  }

  func list(_ type: BackendFileType) async throws(BackendError) -> [BackendEntry] {
    try await pass { () async throws(BackendError) in try await base.list(type) }
  }

  func remove(_ file: BackendFile) async throws(BackendError) {
    try await pass { () async throws(BackendError) in try await base.remove(file) }
  }

  func capacity() async throws(BackendError) -> StorageCapacity? {
    nil
  }
}
