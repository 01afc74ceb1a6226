import ResticTestSupport
import Testing

@testable import ResticCore

@Suite("Keeping the commit lock")
struct CommitLockRefreshTests {
  /// A held commit lock whose time a test moves by hand.
  private struct Scene {
    let backend = MemoryBackend()
    let clock = TestClock()
    let lock: CommitLock
    let repository: Repository
    let fault = Shared<(@Sendable (BackendCall) -> FaultBackend.Fault?)?>(nil)

    init() async throws {
      _ = try await TestRepository.create(on: backend)
      let fault = fault
      let faulty = FaultBackend(backend) { fault.value.withLock { $0 }?($0) }
      let repository = try await TestRepository.open(faulty)
      self.repository = repository
      let lockClock = clock.lockClock
      let acquiring = Task { try await CommitLock.acquire(on: repository, clock: lockClock) }
      _ = await clock.waitForSleepers()
      clock.advance(by: .milliseconds(200))
      lock = try await acquiring.value
      _ = await clock.waitForSleepers()
    }

    var locks: [BackendFile] { backend.files.keys.filter { $0.type == .lock } }

    var isLost: Bool {
      do throws(RepositoryError) {
        try lock.validate()
        return false
      } catch {
        return true
      }
    }

    func fail(_ body: (@Sendable (BackendCall) -> FaultBackend.Fault?)?) {
      fault.value.withLock { $0 = body }
    }

    /// Moves the time on in steps of the refreshing task's polls, and lets it work.
    func pass(_ duration: Duration) async {
      var left = duration
      while left > .zero {
        clock.advance(by: min(left, .seconds(5)))
        left -= .seconds(5)
        while clock.sleeperCount == 0 {
          if isLost { return }  // Then it polls no more.
          await Task.yield()
        }
      }
    }
  }

  @Test("a new file is written every 30 s, and each file stays for 30 s beside its successor")
  func refresh() async throws {
    let scene = try await Scene()
    var ids: [LockID] = [scene.lock.id]
    for _ in 0..<60 {
      await scene.pass(.seconds(5))
      if scene.lock.id != ids.last { ids.append(scene.lock.id) }
      #expect(scene.locks.count <= 2)
      #expect(scene.locks.contains(.lock(scene.lock.id)))
      if ids.count > 2 { #expect(scene.locks.contains(.lock(ids[ids.count - 2]))) }
      try await scene.lock.confirm()
    }
    #expect((9...11).contains(ids.count))
    #expect(Set(ids).count == ids.count)
    try await scene.lock.release()
    #expect(scene.locks.isEmpty)
  }

  @Test("a listing during a refresh shows at least one of the holder's files")
  func tornListing() async throws {
    for step in 0..<14 {
      let scene = try await Scene()
      await scene.pass(.seconds(5) * step)
      // Half of the names as they were, the other half as they are 25 s later: the worst order is that of the names.
      for upwards in [true, false] {
        let before = Set(scene.locks.map(\.name))
        await scene.pass(.seconds(25))
        let after = Set(scene.locks.map(\.name))
        for pivot in before.union(after) {
          let seen = before.filter { upwards ? $0 < pivot : $0 >= pivot }
            .union(after.filter { upwards ? $0 >= pivot : $0 < pivot })
          #expect(!seen.isEmpty, "step \(step)")
        }
      }
      try await scene.lock.release()
    }
  }

  @Test("the lock is lost for good after 90 s without a refresh, and not before")
  func loss() async throws {
    let scene = try await Scene()
    scene.fail { _ in .nothingDone(FaultBackend.hiccup) }
    await scene.pass(.seconds(80))
    try scene.lock.validate()
    scene.fail(nil)
    await scene.pass(.seconds(5))
    scene.fail { _ in .nothingDone(FaultBackend.hiccup) }
    await scene.pass(.seconds(80))
    try scene.lock.validate()
    await scene.pass(.seconds(10))
    #expect(scene.isLost)
    scene.fail(nil)
    await scene.pass(.seconds(60))
    let error = await #expect(throws: RepositoryError.self) { try await scene.lock.confirm() }
    guard case .lockLost = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    try await scene.lock.release()
    #expect(scene.locks.isEmpty, "a lost lock's files are still removed")
  }

  @Test(
    "a machine that slept notices the loss at once by the wall clock; a machine whose clock was set back by the timer")
  func suspension() async throws {
    let slept = try await Scene()
    slept.clock.suspend(for: .seconds(89))
    try slept.lock.validate()
    slept.clock.suspend(for: .seconds(1))
    #expect(slept.isLost)

    let setBack = try await Scene()
    setBack.fail { _ in .nothingDone(FaultBackend.hiccup) }
    setBack.clock.suspend(for: .seconds(-3600))
    await setBack.pass(.seconds(85))
    try setBack.lock.validate()
    await setBack.pass(.seconds(5))
    #expect(setBack.isLost)
  }

  @Test("a removed lock is lost: `confirm` notices at once, a refresh at its time")
  func removed() async throws {
    for confirms in [true, false] {
      let scene = try await Scene()
      scene.backend[.lock(scene.lock.id)] = nil
      if confirms {
        await #expect(throws: RepositoryError.self) { try await scene.lock.confirm() }
      } else {
        await scene.pass(.seconds(35))
      }
      #expect(scene.isLost)
      try await scene.lock.release()
      #expect(scene.locks.isEmpty)
    }
  }

  @Test("a failing storage neither loses nor confirms the lock")
  func failingConfirmation() async throws {
    let scene = try await Scene()
    scene.fail { _ in .nothingDone(FaultBackend.hiccup) }
    let error = await #expect(throws: RepositoryError.self) { try await scene.lock.confirm() }
    guard case .backend = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    scene.fail(nil)
    try await scene.lock.confirm()
  }

  @Test("a file whose save seemed to fail is removed")
  func lostAnswers() async throws {
    let scene = try await Scene()
    scene.fail { call in call.operation == .save ? .answerLost(FaultBackend.hiccup) : nil }
    await scene.pass(.seconds(60))
    try scene.lock.validate()
    #expect(scene.locks.count <= 2)
    scene.fail(nil)
    await scene.pass(.seconds(20))
    try scene.lock.validate()
    try await scene.lock.release()
    #expect(scene.locks.isEmpty)
  }
}
