import ResticTestSupport
import Testing

@testable import ResticCore

@Suite("The commit lock")
struct CommitLockTests {
  @Test("the lock's file is a shared lock with one more member, and is removed at the release")
  func file() async throws {
    let scene = try await CommitLockScene()
    let lock = try await scene.acquire()
    #expect(scene.locks == [.lock(lock.id)])
    let file = try LockFile.decode(try await scene.repository.unpacked.load(.lock(lock.id)))
    #expect(!file.exclusive)
    #expect((file.hostname, file.username, file.pid) == ("testhost", "tester", 4711))
    #expect(file.unknownFields.map(\.key) == ["resticGitFS"])
    let mark = try #require(LockMark(of: file, stored: lock.id))
    #expect(mark.commitHolder?.count == 32)
    #expect(mark.scope == .current && mark.scope != nil)
    #expect(scene.clock.sleeps.first == .milliseconds(200), "the wait before the second look")
    try lock.validate()
    try await lock.confirm()
    try await lock.release()
    #expect(scene.locks.isEmpty)
    #expect(throws: RepositoryError.self) { try lock.validate() }
    await #expect(throws: RepositoryError.self) { try await lock.confirm() }
  }

  @Test("one listing confirms the commit lock and the repository's lock, and tells which of them is gone")
  func confirmedTogether() async throws {
    let scene = try await CommitLockScene()
    let counted = FaultBackend(scene.backend)
    let repository = try await TestRepository.open(counted)
    let shared = try await RepositoryLock.acquire(on: repository, policy: scene.policy, clock: scene.lockClock)
    let lock = try await CommitLock.acquire(on: repository, policy: scene.policy, clock: scene.lockClock)
    let before = counted.callCount
    try await lock.confirm(with: shared)
    #expect(counted.calls[before...].map(\.operation) == [.list])
    scene.backend[.lock(shared.id)] = nil
    let error = await #expect(throws: RepositoryError.self) { try await lock.confirm(with: shared) }
    #expect("\(try #require(error))".contains("the lock on the repository"))
    #expect(shared.isLost)
    try lock.validate()
    try await lock.release()
  }

  @Test("one client at a time has the lock; the second client learns who has it, and gets it after the release")
  func exclusion() async throws {
    let scene = try await CommitLockScene()
    let lock = try await scene.acquire()
    let error = await #expect(throws: RepositoryError.self) { try await scene.acquire(retryFor: .seconds(60)) }
    #expect(CommitLockScene.isLocked(error))
    for part in ["4711", "testhost", "tester", lock.id.short] {
      #expect("\(try #require(error))".contains(part))
    }
    #expect(scene.locks == [.lock(lock.id)], "nothing of the second stays")
    #expect(scene.clock.sleeps.filter { $0 > .seconds(1) }.count > 5)
    #expect(scene.clock.sleeps.allSatisfy { $0 <= .seconds(5) })
    try await lock.release()
    try await scene.acquire().release()
    #expect(scene.locks.isEmpty)
  }

  @Test("shared locks and the commit lock do not exclude each other")
  func sharedLocks() async throws {
    let scene = try await CommitLockScene()
    try await scene.plant()
    let shared = try await RepositoryLock.acquire(on: scene.repository, policy: scene.policy, clock: scene.lockClock)
    let lock = try await scene.acquire()
    let other = try await RepositoryLock.acquire(on: scene.repository, policy: scene.policy, clock: scene.lockClock)
    #expect(scene.locks.count == 4)
    let error = await #expect(throws: RepositoryError.self) {
      try await RepositoryLock.acquire(
        on: scene.repository, exclusive: true, policy: scene.policy, clock: scene.lockClock)
    }
    #expect(CommitLockScene.isLocked(error))
    for held in [shared, other] { try await held.release() }
    try await lock.release()
    #expect(scene.locks.count == 1)
  }

  @Test("an exclusive lock is respected, even if it appears between the two looks")
  func exclusiveLock() async throws {
    let scene = try await CommitLockScene()
    let exclusive = try await scene.plant(exclusive: true)
    let error = await #expect(throws: RepositoryError.self) { try await scene.acquire(retryFor: .seconds(20)) }
    #expect(CommitLockScene.isLocked(error))
    #expect("\(try #require(error))".contains("exclusively"))
    #expect(scene.locks == [.lock(exclusive)])

    let bytes = try #require(scene.backend[.lock(exclusive)])
    scene.backend[.lock(exclusive)] = nil
    let backend = scene.backend
    let racing = FaultBackend(backend) { call in
      if call.operation == .save { backend[.lock(exclusive)] = bytes }
      return nil
    }
    let repository = try await TestRepository.open(racing)
    await #expect(throws: RepositoryError.self) { try await scene.acquire(on: repository) }
    #expect(scene.locks == [.lock(exclusive)])
  }

  @Test("a cancellation ends the wait and leaves no file behind")
  func cancellation() async throws {
    let backend = MemoryBackend()
    let repository = try await TestRepository.create(on: backend)
    let clock = TestClock()
    let acquiring = Task { try await CommitLock.acquire(on: repository, clock: clock.lockClock) }
    #expect(await clock.waitForSleepers())
    #expect(backend.files.keys.contains { $0.type == .lock })
    acquiring.cancel()
    await #expect(throws: RepositoryError.self) { try await acquiring.value }
    #expect(!backend.files.keys.contains { $0.type == .lock })
  }
}
