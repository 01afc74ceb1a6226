import Glibc
import ResticTestSupport
import Testing

@testable import ResticCore

@Suite("Locking a repository")
struct LockTests {
  /// One repository, and a clock whose sleeps end at once.
  private struct Scene {
    let backend: MemoryBackend
    let repository: Repository
    let clock: TestClock

    init(advancesOnSleep: Bool = true) async throws {
      backend = MemoryBackend()
      repository = try await TestRepository.create(on: backend)
      clock = TestClock(advancesOnSleep: advancesOnSleep)
    }

    var lockClock: LockClock { clock.lockClock }
    var locks: Set<BackendFile> { Set(backend.files.keys.filter { $0.type == .lock }) }

    /// A lock of another client; `age` before now.
    @discardableResult
    func plant(
      exclusive: Bool, host: String = "elsewhere", pid: Int32 = 99, age: Duration = .zero, mark: LockMark? = nil
    ) async throws -> LockID {
      let now = lockClock.wallTime()
      let time = now.adding(nanoseconds: -age.components.seconds * 1_000_000_000)
      let file = LockFile(
        time: time, exclusive: exclusive, hostname: host, username: "somebody", pid: pid, uid: 7, gid: 8,
        unknownFields: mark.map { [$0.field] } ?? [])
      return try await repository.unpacked.save(file.encode(), as: BackendFile.lock)
    }

    func acquire(exclusive: Bool = false, retryFor: Duration = .zero) async throws(RepositoryError) -> RepositoryLock {
      // Polls once a year: with a clock whose sleeps end at once the refreshing task would never rest.
      var policy = LockPolicy()
      policy.pollInterval = .seconds(365 * 86400)
      return try await RepositoryLock.acquire(
        on: repository, exclusive: exclusive, retryFor: retryFor, policy: policy,
        clock: LockClock(HalfClock(base: clock)) { lockClock.wallTime() })
    }
  }

  private static func isLocked(_ error: RepositoryError?) -> Bool {
    if case .locked = error { true } else { false }
  }

  @Test("a lock is a file that names its holder, and is removed at the release", arguments: [false, true])
  func file(exclusive: Bool) async throws {
    let scene = try await Scene()
    let lock = try await scene.acquire(exclusive: exclusive)
    #expect(scene.locks == [.lock(lock.id)])
    let file = try LockFile.decode(try await scene.repository.unpacked.load(.lock(lock.id)))
    #expect(file.exclusive == exclusive)
    #expect(file.hostname == "testhost")
    #expect(file.username == "tester")
    #expect(file.pid == 4711)
    #expect((file.uid, file.gid) == (1000, 1000))
    #expect(scene.clock.sleeps.first == .milliseconds(200), "restic's wait before the second look")
    try lock.validate()
    try await lock.release()
    #expect(scene.locks.isEmpty)
    #expect(lock.isLost, "a released lock protects nothing")
  }

  @Test("shared locks coexist; an exclusive lock coexists with none", arguments: [false, true], [false, true])
  func conflicts(theirs: Bool, ours: Bool) async throws {
    let scene = try await Scene()
    let other = try await scene.plant(exclusive: theirs)
    if theirs || ours {
      let error = await #expect(throws: RepositoryError.self) { try await scene.acquire(exclusive: ours) }
      #expect(Self.isLocked(error))
      let message = "\(try #require(error))"
      for part in ["99", "elsewhere", "somebody", other.short] { #expect(message.contains(part)) }
      #expect(message.contains("exclusively") == theirs)
      #expect(scene.locks == [.lock(other)], "nothing of ours stays")
    } else {
      let lock = try await scene.acquire()
      #expect(scene.locks == [.lock(other), .lock(lock.id)])
      try await lock.release()
      #expect(scene.locks == [.lock(other)])
    }
  }

  @Test("a lock that appears between the first and the second look is respected")
  func race() async throws {
    let backend = MemoryBackend()
    let plain = try await TestRepository.create(on: backend)
    let clock = TestClock(advancesOnSleep: true)
    let other = LockFile(
      time: clock.lockClock.wallTime(), exclusive: true, hostname: "elsewhere", username: "x", pid: 1, uid: 1, gid: 1)
    let sealed = try plain.unpacked.seal(other.encode(), as: BackendFile.lock)
    let racing = FaultBackend(backend) { call in
      if call.operation == .save, call.type == .lock { backend[.lock(sealed.id)] = sealed.stored }
      return nil
    }
    let repository = try await TestRepository.open(racing)
    let error = await #expect(throws: RepositoryError.self) {
      try await RepositoryLock.acquire(on: repository, clock: clock.lockClock)
    }
    #expect(Self.isLocked(error))
    #expect(backend.files.keys.filter { $0.type == .lock } == [.lock(sealed.id)])
  }

  @Test("a conflicting lock is waited for, with growing random pauses, as long as the caller allows")
  func retry() async throws {
    let scene = try await Scene()
    let other = try await scene.plant(exclusive: true)
    let start = scene.clock.now
    let error = await #expect(throws: RepositoryError.self) { try await scene.acquire(retryFor: .seconds(120)) }
    #expect(Self.isLocked(error))
    let waited = start.duration(to: scene.clock.now)
    #expect(waited >= .seconds(120) && waited < .seconds(121))
    #expect(scene.clock.sleeps.count > 8)
    #expect(scene.clock.sleeps.allSatisfy { $0 <= LockPolicy().longestRetryDelay })
    #expect(Set(scene.clock.sleeps).count > 5, "the pauses vary")

    let holder = scene.backend
    let releasing = FaultBackend(scene.backend) { call in
      if call.operation == .list, call.type == .lock, call.number > 12 { holder[.lock(other)] = nil }
      return nil
    }
    let repository = try await TestRepository.open(releasing)
    let lock = try await RepositoryLock.acquire(
      on: repository, retryFor: .seconds(300),
      clock: LockClock(HalfClock(base: scene.clock)) { scene.lockClock.wallTime() })
    try await lock.release()
    #expect(scene.locks.isEmpty)
  }

  @Test("a cancellation ends the wait and leaves no file behind")
  func cancellation() async throws {
    let scene = try await Scene(advancesOnSleep: false)
    let acquiring = Task { () async -> RepositoryError? in
      do throws(RepositoryError) {
        _ = try await RepositoryLock.acquire(on: scene.repository, clock: scene.lockClock)
        return nil
      } catch {
        return error
      }
    }
    #expect(await scene.clock.waitForSleepers())
    #expect(scene.locks.count == 1, "it waits for the second look")
    acquiring.cancel()
    guard case .cancelled = await acquiring.value else {
      Issue.record("not cancelled")
      return
    }
    #expect(scene.locks.isEmpty)
  }

  // MARK: Stale locks

  /// Larger than any process number Linux gives out (2^22).
  private static let noProcess: Int32 = 1 << 23

  @Test(
    "the lock of a dead process of this program on this machine is removed, shared or exclusive",
    arguments: [false, true])
  func deadProcess(exclusive: Bool) async throws {
    let scene = try await Scene()
    try await scene.plant(exclusive: true, host: "testhost", pid: Self.noProcess, mark: LockMark())
    try await scene.plant(exclusive: false, host: "testhost", pid: Self.noProcess, mark: LockMark())
    let lock = try await scene.acquire(exclusive: exclusive)
    #expect(scene.locks == [.lock(lock.id)])
    try await lock.release()
  }

  @Test("a zombie process counts as ended")
  func zombieProcess() async throws {
    let process = try ChildProcess.start("true", [], signals: .unblocked)
    defer { process.wait() }
    let child = process.processID
    var information = siginfo_t()
    try #require(waitid(P_PID, id_t(child), &information, WEXITED | WNOWAIT) == 0)
    try #require(kill(child, 0) == 0)

    let scene = try await Scene()
    try await scene.plant(exclusive: true, host: "testhost", pid: child, mark: LockMark())
    let lock = try await scene.acquire()
    #expect(scene.locks == [.lock(lock.id)])
    try await lock.release()
  }

  @Test("restic's lock without a process may belong to a container of the same name: it is watched before its removal")
  func sameHostName() async throws {
    let otherScope = LockMark.ProcessScope(boot: "other", pidNamespace: 1)
    for mark in [nil, LockMark(scope: otherScope), LockMark(scope: nil)] {
      let scene = try await Scene()
      let other = try await scene.plant(exclusive: true, host: "testhost", pid: Self.noProcess, mark: mark)
      let error = await #expect(throws: RepositoryError.self) { try await scene.acquire(retryFor: .seconds(240)) }
      #expect(Self.isLocked(error))
      #expect(scene.locks == [.lock(other)])
      let lock = try await scene.acquire(retryFor: .seconds(300))
      #expect(scene.locks == [.lock(lock.id)])
      try await lock.release()
    }
  }

  @Test("a living process of this machine, and any process of another machine, keep their locks")
  func livingProcess() async throws {
    for (host, pid) in [
      ("testhost", Int32(1)), ("testhost", 4711), ("elsewhere", Self.noProcess), ("", Self.noProcess),
    ] {
      let scene = try await Scene()
      let other = try await scene.plant(exclusive: true, host: host, pid: pid)
      let error = await #expect(throws: RepositoryError.self) { try await scene.acquire(retryFor: .seconds(20)) }
      #expect(Self.isLocked(error))
      #expect(scene.locks == [.lock(other)])
    }
  }

  @Test("a stale exclusive lock of another machine is removed after five minutes without a refresh")
  func staleForeign() async throws {
    let scene = try await Scene()
    try await scene.plant(exclusive: true, age: .seconds(31 * 60))
    let error = await #expect(throws: RepositoryError.self) { try await scene.acquire(retryFor: .seconds(240)) }
    #expect(Self.isLocked(error))
    #expect("\(try #require(error))".contains("stale"))
    #expect(scene.locks.count == 1)
    let lock = try await scene.acquire(retryFor: .seconds(300))
    #expect(scene.locks == [.lock(lock.id)])
    try await lock.release()
  }

  @Test("a lock that is merely old stays, and so does a stale lock if an exclusive lock is wanted")
  func oldForeign() async throws {
    for (age, exclusive) in [(Duration.seconds(20 * 60), false), (.seconds(86_400), true)] {
      let scene = try await Scene()
      let other = try await scene.plant(exclusive: true, age: age)
      let error = await #expect(throws: RepositoryError.self) {
        try await scene.acquire(exclusive: exclusive, retryFor: .seconds(400))
      }
      #expect(Self.isLocked(error))
      #expect(scene.locks == [.lock(other)])
    }
  }

  @Test("a lock that looks stale because its holder's clock is slow is respected: the holder refreshes it")
  func slowClock() async throws {
    let scene = try await Scene()
    let backend = scene.backend
    let slow: Duration = .seconds(3600)
    let plain = scene.repository
    let current = Locked(try await scene.plant(exclusive: true, age: slow))
    let refreshed = Locked(scene.clock.now)
    // Every five minutes of the shared time the owner puts a new file in the place of the old one.
    let owner = FaultBackend(backend) { call in
      guard call.operation == .list, call.type == .lock else { return nil }
      let isDue = refreshed.withLock { last in
        guard last.duration(to: scene.clock.now) >= .seconds(290) else { return false }
        last = scene.clock.now
        return true
      }
      guard isDue else { return nil }
      let time = scene.lockClock.wallTime().adding(nanoseconds: -slow.components.seconds * 1_000_000_000)
      let file = LockFile(
        time: time, exclusive: true, hostname: "elsewhere", username: "somebody", pid: 99, uid: 7, gid: 8)
      guard let sealed = try? plain.unpacked.seal(file.encode(), as: BackendFile.lock) else {
        return .nothingDone(FaultBackend.death)  // Shows as another error than `.locked`.
      }
      backend[.lock(sealed.id)] = sealed.stored
      current.withLock { old in
        backend[.lock(old)] = nil
        old = sealed.id
      }
      return nil
    }
    let repository = try await TestRepository.open(owner)
    let error = await #expect(throws: RepositoryError.self) {
      try await RepositoryLock.acquire(on: repository, retryFor: .seconds(2000), clock: scene.lockClock)
    }
    #expect(Self.isLocked(error))
    #expect(scene.locks == [.lock(current.withLock { $0 })])
  }

  // MARK: Unreadable locks

  @Test("an empty lock file does not count; a damaged lock is an error with advice")
  func damage() async throws {
    let scene = try await Scene()
    let empty = BackendFile.lock(SHA256.id(of: [1]))
    scene.backend[empty] = []
    let lock = try await scene.acquire(exclusive: true)
    try await lock.release()
    scene.backend[empty] = nil

    let other = BackendFile.lock(try await scene.plant(exclusive: false))
    let sound = try #require(scene.backend[other])
    for damaged in Damage.all(of: sound) where !damaged.isEmpty {
      scene.backend[other] = damaged
      let error = await #expect(throws: RepositoryError.self) { try await scene.acquire() }
      #expect("\(try #require(error))".contains(other.name))
      #expect("\(try #require(error))".contains("--remove-all"))
      #expect(scene.locks == [other])
    }
  }
}

extension TestClock {
  /// The clock with its wall time.
  var lockClock: LockClock {
    LockClock(self) { [self] in
      let time = wallTime.components
      return Timestamp(seconds: time.seconds, nanoseconds: UInt32(time.attoseconds / 1_000_000_000))
    }
  }
}

/// A clock whose short sleeps end at once and whose long ones never do: for locks whose refreshing is not the point.
struct HalfClock: Clock {
  let base: TestClock

  var now: TestClock.Instant { base.now }
  var minimumResolution: Duration { .zero }

  func sleep(until deadline: TestClock.Instant, tolerance: Duration?) async throws {
    if now.duration(to: deadline) <= .seconds(3600) {
      try await base.sleep(until: deadline, tolerance: tolerance)
    } else {
      try await Task.sleep(for: .seconds(3600))
    }
  }
}
