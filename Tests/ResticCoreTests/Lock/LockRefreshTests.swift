import ResticTestSupport
import Testing

@testable import ResticCore

@Suite("Keeping a lock")
struct LockRefreshTests {
  /// A held lock whose time a test moves by hand.
  private struct Scene {
    let backend: MemoryBackend
    let faulty: FaultBackend
    let clock: TestClock
    let lock: RepositoryLock
    let fault: LockedFault

    init() async throws {
      backend = MemoryBackend()
      _ = try await TestRepository.create(on: backend)
      let fault = LockedFault()
      self.fault = fault
      faulty = FaultBackend(backend) { fault.value.withLock { $0 }?($0) }
      let clock = TestClock()
      self.clock = clock
      let repository = try await TestRepository.open(faulty)
      let acquiring = Task { try await RepositoryLock.acquire(on: repository, clock: clock.lockClock) }
      _ = await clock.waitForSleepers()
      clock.advance(by: .milliseconds(200))
      lock = try await acquiring.value
      _ = await clock.waitForSleepers()
    }

    var locks: [BackendFile] { backend.files.keys.filter { $0.type == .lock } }

    /// Whether the lock's file was removed, which ends the polls of the refreshing task.
    private var isRemoved: Bool {
      do throws(RepositoryError) {
        try lock.validate()
        return false
      } catch {
        return "\(error)".contains("somebody removed")
      }
    }

    /// Moves the time on in steps of the refreshing task's polls, and waits for its work after each step.
    func pass(_ duration: Duration) async {
      var left = duration
      while left > .zero {
        clock.advance(by: min(left, .seconds(5)))
        left -= .seconds(5)
        while clock.sleeperCount == 0, !isRemoved { await Task.yield() }
      }
    }
  }

  @Test("every five minutes a new file replaces the old one, without a gap")
  func refresh() async throws {
    let scene = try await Scene()
    var ids: Set<LockID> = [scene.lock.id]
    let lowest = Locked(1)
    scene.fault.value.withLock { fault in
      fault = { _ in
        let count = scene.locks.count
        lowest.withLock { $0 = min($0, count) }
        return nil
      }
    }
    for round in 1...3 {
      await scene.pass(.seconds(290))
      #expect(ids.count == round)
      await scene.pass(.seconds(15))
      ids.insert(scene.lock.id)
      #expect(ids.count == round + 1)
      #expect(scene.locks == [.lock(scene.lock.id)])
    }
    #expect(lowest.withLock { $0 } == 1)
    try scene.lock.validate()
    let file = try LockFile.decode(
      try await TestRepository.open(scene.backend).unpacked.load(.lock(scene.lock.id)))
    #expect(file.time.duration(to: scene.clock.lockClock.wallTime()) < .seconds(30))
    scene.fault.value.withLock { $0 = nil }
    try await scene.lock.release()
    #expect(scene.locks.isEmpty)
  }

  @Test("a failed refresh is retried, and the lock survives if a retry succeeds in time")
  func failingRefresh() async throws {
    let scene = try await Scene()
    scene.fault.value.withLock { $0 = { _ in .nothingDone(FaultBackend.hiccup) } }
    await scene.pass(.seconds(20 * 60))
    try scene.lock.validate()
    scene.fault.value.withLock { $0 = nil }
    await scene.pass(.seconds(10))
    await scene.pass(.seconds(20 * 60))
    try scene.lock.validate()
    #expect(scene.locks == [.lock(scene.lock.id)])
    try await scene.lock.release()
  }

  @Test(
    "after 22.5 minutes without a refresh nothing may be written, until a refresh proves that the file was there all along"
  )
  func overdue() async throws {
    let scene = try await Scene()
    let before = scene.lock.id
    scene.fault.value.withLock { $0 = { _ in .nothingDone(FaultBackend.hiccup) } }
    await scene.pass(.seconds(22 * 60 + 25))
    #expect(!scene.lock.isLost)
    await scene.pass(.seconds(10))
    let error = #expect(throws: RepositoryError.self) { try scene.lock.validate() }
    guard case .lockLost = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    await scene.pass(.seconds(600))
    #expect(scene.lock.isLost)
    scene.fault.value.withLock { $0 = nil }
    await scene.pass(.seconds(10))
    try scene.lock.validate()
    #expect(scene.lock.id != before)
    #expect(scene.locks == [.lock(scene.lock.id)])
    try await scene.lock.release()
    #expect(scene.locks.isEmpty)
  }

  @Test("an overdue lock whose file is gone is lost for good, and leaves no file behind")
  func overdueAndRemoved() async throws {
    let scene = try await Scene()
    scene.fault.value.withLock { $0 = { _ in .nothingDone(FaultBackend.hiccup) } }
    await scene.pass(.seconds(23 * 60))
    scene.backend[.lock(scene.lock.id)] = nil
    scene.fault.value.withLock { $0 = nil }
    await scene.pass(.seconds(20))
    #expect(scene.lock.isLost)
    try await waitUntil { scene.locks.isEmpty }
    try await scene.lock.release()
  }

  @Test("an overdue lock that is removed during any call of its refresh is lost")
  func overdueRace() async throws {
    for number in 0..<3 {
      let scene = try await Scene()
      scene.fault.value.withLock { $0 = { _ in .nothingDone(FaultBackend.hiccup) } }
      await scene.pass(.seconds(23 * 60))
      let (backend, old) = (scene.backend, scene.lock.id)
      let count = Locked(0)
      scene.fault.value.withLock { fault in
        fault = { _ in
          let calls = count.withLock { count in
            defer { count += 1 }
            return count
          }
          if calls == number { backend[.lock(old)] = nil }
          return nil
        }
      }
      await scene.pass(.seconds(20))
      #expect(scene.lock.isLost)
      try await waitUntil { scene.locks.isEmpty }
      try await scene.lock.release()
    }
  }

  @Test("an overdue lock does not become valid while an exclusive lock is there")
  func overdueBesideExclusive() async throws {
    let scene = try await Scene()
    scene.fault.value.withLock { $0 = { _ in .nothingDone(FaultBackend.hiccup) } }
    await scene.pass(.seconds(23 * 60))
    let other = LockFile(
      time: scene.clock.lockClock.wallTime(), exclusive: true, hostname: "elsewhere", username: "x", pid: 1)
    let id = try await TestRepository.open(scene.backend).unpacked.save(other.encode(), as: BackendFile.lock)
    scene.fault.value.withLock { $0 = nil }
    await scene.pass(.seconds(60))
    #expect(scene.lock.isLost)
    #expect(scene.locks.count == 2)
    scene.backend[.lock(id)] = nil
    await scene.pass(.seconds(10))
    try scene.lock.validate()
    try await scene.lock.release()
    #expect(scene.locks.isEmpty)
  }

  @Test("a machine that slept too long notices the loss at once, by the wall clock")
  func suspension() async throws {
    let scene = try await Scene()
    scene.clock.suspend(for: .seconds(22 * 60))
    try scene.lock.validate()
    scene.clock.suspend(for: .seconds(60))
    #expect(scene.lock.isLost)
  }

  @Test("a machine that slept for a while refreshes as soon as it is awake")
  func shortSuspension() async throws {
    let scene = try await Scene()
    let before = scene.lock.id
    scene.clock.suspend(for: .seconds(20 * 60))
    await scene.pass(.seconds(10))
    #expect(scene.lock.id != before)
    scene.clock.suspend(for: .seconds(20 * 60))
    try scene.lock.validate()
    try await scene.lock.release()
  }

  @Test("a wall clock that is set back causes a new file and loses nothing; the timer still finds an overdue lock")
  func clockSetBack() async throws {
    let scene = try await Scene()
    let before = scene.lock.id
    scene.clock.suspend(for: .seconds(-3600))
    try scene.lock.validate()
    await scene.pass(.seconds(10))
    #expect(scene.lock.id != before)
    scene.fault.value.withLock { $0 = { _ in .nothingDone(FaultBackend.hiccup) } }
    scene.clock.suspend(for: .seconds(-3600))
    await scene.pass(.seconds(23 * 60))
    #expect(scene.lock.isLost)
  }

  @Test("a removed lock is lost at the next refresh, which leaves no file behind")
  func removed() async throws {
    let scene = try await Scene()
    scene.backend[.lock(scene.lock.id)] = nil
    await scene.pass(.seconds(310))
    #expect(scene.lock.isLost)
    try await scene.lock.release()
    #expect(scene.locks.isEmpty)
  }

  @Test("an old file that could not be removed is removed later")
  func leftovers() async throws {
    let scene = try await Scene()
    scene.fault.value.withLock { fault in
      fault = { call in call.operation == .remove ? .nothingDone(FaultBackend.hiccup) : nil }
    }
    await scene.pass(.seconds(310))
    #expect(scene.locks.count == 2)
    try scene.lock.validate()
    scene.fault.value.withLock { $0 = nil }
    try await scene.lock.release()
    #expect(scene.locks.isEmpty)
  }

  @Test("a simultaneous refresh and release leave nothing behind, whatever their order")
  func releaseDuringRefresh() async throws {
    for _ in 0..<20 {
      let scene = try await Scene()
      scene.clock.advance(by: .seconds(301))
      try await scene.lock.release()
      #expect(scene.locks.isEmpty)
    }
  }
}

/// The calls that fail now; a test changes them.
private final class LockedFault: Sendable {
  typealias Fault = @Sendable (BackendCall) -> FaultBackend.Fault?
  let value = Locked<Fault?>(nil)
}
