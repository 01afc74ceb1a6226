import Glibc
import ResticTestSupport
import Testing

@testable import ResticCore

@Suite("The commit lock")
struct CommitLockTests {
  @Test("its file is a shared lock with one member more, and is gone after release")
  func file() async throws {
    let scene = try await LockScene()
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

  @Test("one listing confirms it and the repository's lock, and tells which of them is gone")
  func confirmedTogether() async throws {
    let scene = try await LockScene()
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

  @Test("a storage that remembers what somebody has removed, until it is asked for a list, deceives nobody")
  func remembered() async throws {
    let scene = try await LockScene()
    let remembering = RememberingBackend(base: scene.backend)
    let repository = try await TestRepository.open(remembering)
    let lock = try await CommitLock.acquire(on: repository, policy: scene.policy, clock: scene.lockClock)
    remembering.remember()
    scene.backend[.lock(lock.id)] = nil
    await #expect(throws: RepositoryError.self) { try await lock.confirm() }
  }

  @Test("a lock that is there and listed late is not lost")
  func listedLate() async throws {
    let scene = try await LockScene()
    let isLate = Locked(false)
    let late = ForgetfulListing(base: scene.backend) { isLate.withLock { $0 } }
    let repository = try await TestRepository.open(late)
    let lock = try await CommitLock.acquire(on: repository, policy: scene.policy, clock: scene.lockClock)
    isLate.withLock { $0 = true }
    try await lock.confirm()
    scene.backend[.lock(lock.id)] = nil
    await #expect(throws: RepositoryError.self) { try await lock.confirm() }
  }

  @Test("one at a time; the second is told who has it, and gets it after the release")
  func exclusion() async throws {
    let scene = try await LockScene()
    let lock = try await scene.acquire()
    let error = await #expect(throws: RepositoryError.self) { try await scene.acquire(retryFor: .seconds(60)) }
    #expect(LockScene.isLocked(error))
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

  @Test("shared locks of restic and of ours are no obstacle, and it is none to them")
  func sharedLocks() async throws {
    let scene = try await LockScene()
    try await scene.plant()
    let shared = try await RepositoryLock.acquire(on: scene.repository, policy: scene.policy, clock: scene.lockClock)
    let lock = try await scene.acquire()
    let other = try await RepositoryLock.acquire(on: scene.repository, policy: scene.policy, clock: scene.lockClock)
    #expect(scene.locks.count == 4)
    let error = await #expect(throws: RepositoryError.self) {
      try await RepositoryLock.acquire(
        on: scene.repository, exclusive: true, policy: scene.policy, clock: scene.lockClock)
    }
    #expect(LockScene.isLocked(error))
    for held in [shared, other] { try await held.release() }
    try await lock.release()
    #expect(scene.locks.count == 1)
  }

  @Test("an exclusive lock is respected, also one that appears between the two looks")
  func exclusiveLock() async throws {
    let scene = try await LockScene()
    let exclusive = try await scene.plant(exclusive: true)
    let error = await #expect(throws: RepositoryError.self) { try await scene.acquire(retryFor: .seconds(20)) }
    #expect(LockScene.isLocked(error))
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

  @Test("cancelling ends the wait and leaves no file")
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

  @Test("a storage that does not list what was just written never gives the lock")
  func lateListing() async throws {
    let scene = try await LockScene()
    let late = LateListingBackend(scene.backend)
    let repository = try await TestRepository.open(late)
    let error = await #expect(throws: RepositoryError.self) {
      try await scene.acquire(on: repository, retryFor: .seconds(30))
    }
    #expect(LockScene.isLocked(error))
    #expect("\(try #require(error))".contains("lists late"))
    #expect(scene.locks.isEmpty)
  }

  @Test("a look that took longer than a file stays decides nothing")
  func slowListing() async throws {
    let scene = try await LockScene()
    let clock = scene.clock
    let slow = FaultBackend(scene.backend) { call in
      if call.operation == .list { clock.advance(by: .seconds(31)) }
      return nil
    }
    let repository = try await TestRepository.open(slow)
    let error = await #expect(throws: RepositoryError.self) { try await scene.acquire(on: repository) }
    guard case .backend(.unavailable) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(scene.locks.isEmpty)
  }

  // MARK: Dead holders

  @Test("a holder whose process has ended is replaced at once")
  func deadProcess() async throws {
    let scene = try await LockScene()
    let field = LockMark(commitHolder: "abc").field
    try await scene.plant(host: "testhost", pid: LockScene.noProcess, fields: [field])
    try await scene.plant(host: "testhost", pid: LockScene.noProcess, fields: [field])
    let lock = try await scene.acquire()
    #expect(scene.locks == [.lock(lock.id)])
    try await lock.release()
  }

  @Test("a process number means nothing on another machine, in another boot or another namespace, or if it is alive")
  func foreignProcess() async throws {
    let here = try #require(LockMark.ProcessScope.current)
    let otherBoot = LockMark.ProcessScope(boot: "other", pidNamespace: here.pidNamespace)
    let otherNamespace = LockMark.ProcessScope(boot: here.boot, pidNamespace: here.pidNamespace + 1)
    for (host, pid, scope) in [
      ("elsewhere", LockScene.noProcess, here), ("testhost", LockScene.noProcess, otherBoot),
      ("testhost", LockScene.noProcess, otherNamespace), ("testhost", 1, here), ("testhost", 4711, here),
      ("testhost", LockScene.noProcess, nil),
    ] {
      let scene = try await LockScene()
      let mark = LockMark(scope: scope, commitHolder: "abc")
      let other = try await scene.plant(host: host, pid: pid, fields: [mark.field])
      let error = await #expect(throws: RepositoryError.self) { try await scene.acquire(retryFor: .seconds(110)) }
      #expect(LockScene.isLocked(error))
      #expect(scene.locks == [.lock(other)])
      let start = scene.clock.now
      try await scene.acquire(retryFor: .seconds(130)).release()
      #expect(start.duration(to: scene.clock.now) > .seconds(119))
      #expect(scene.locks.isEmpty)
    }
  }

  @Test("a mark of a kind that we do not know is a commit lock, and is waited for")
  func unknownMark() async throws {
    let marks = [
      "7", "\"x\"", "[]", "{\"commit\":1}", "{\"commit\":{\"a\":1}}", "{\"boot\":1}",
      "{\"commit\":\"x\",\"pidNamespace\":-1,\"boot\":\"\"}",
    ]
    for mark in marks {
      let scene = try await LockScene()
      let other = try await scene.plant(fields: [UnknownField(key: LockMark.key, rawValue: Array(mark.utf8))])
      await #expect(throws: RepositoryError.self, "\(mark)") { try await scene.acquire(retryFor: .seconds(60)) }
      #expect(scene.locks == [.lock(other)])
      try await scene.acquire(retryFor: .seconds(130)).release()
    }
  }

  @Test("marks survive being written and read, with members that we do not know")
  func marks() throws {
    let scope = LockMark.ProcessScope(boot: "b\"1", pidNamespace: .max)
    for mark in [
      LockMark(scope: nil), LockMark(scope: scope), LockMark(scope: nil, commitHolder: "x"),
      LockMark(scope: scope, commitHolder: "y"),
    ] {
      var file = LockFile(
        time: Timestamp(seconds: 1, nanoseconds: 0), exclusive: false, hostname: "", username: "", pid: 1)
      #expect(LockMark(of: file, stored: SHA256.id(of: [])) == nil)
      file.unknownFields = [mark.field]
      #expect(LockMark(of: try LockFile.decode(file.encode()), stored: SHA256.id(of: [])) == mark)
    }
    let more = UnknownField(key: LockMark.key, rawValue: Array("{\"new\":[1],\"commit\":\"z\"}".utf8))
    let file = LockFile(
      time: Timestamp(seconds: 1, nanoseconds: 0), exclusive: false, hostname: "", username: "", pid: 1,
      unknownFields: [more])
    #expect(LockMark(of: file, stored: SHA256.id(of: [])) == LockMark(scope: nil, commitHolder: "z"))
  }

  // MARK: Removing what is stale

  @Test("what is dead beyond doubt is removed, and nothing else")
  func removeStale() async throws {
    let scene = try await LockScene()
    let otherBoot = LockMark.ProcessScope(boot: "other", pidNamespace: 1)
    let dead: Set<LockID> = [
      try await scene.plant(host: "testhost", pid: LockScene.noProcess, fields: [LockMark().field]),
      try await scene.plant(host: "testhost", pid: LockScene.noProcess, fields: [LockMark(commitHolder: "a").field]),
      try await scene.plant(fields: [LockMark(scope: otherBoot, commitHolder: "b").field]),
    ]
    let kept: Set<LockID> = [
      try await scene.plant(host: "testhost", pid: LockScene.noProcess),
      try await scene.plant(exclusive: true),
      try await scene.plant(fields: [LockMark().field]),
      try await scene.plant(host: "testhost", pid: LockScene.noProcess, fields: [LockMark(scope: otherBoot).field]),
      try await scene.plant(host: "testhost", pid: 1, fields: [LockMark().field]),
    ]
    let removed = try await RepositoryLock.removeStale(on: scene.repository, clock: scene.lockClock)
    #expect(Set(removed.map(\.id)) == dead)
    #expect(removed.filter(\.isCommitLock).count == 2)
    #expect(scene.locks == Set(kept.map(BackendFile.lock)))
  }

  @Test("a commit lock that is refreshed stays, and is not waited for longer than until then")
  func removeStaleBesideLiving() async throws {
    let scene = try await LockScene()
    let field = LockMark(scope: nil, commitHolder: "a").field
    let first = try await scene.plant(fields: [field])
    let second = try await scene.plant(fields: [field])
    let bytes = try #require(scene.backend[.lock(second)])
    scene.backend[.lock(second)] = nil
    let (backend, clock) = (scene.backend, scene.clock)
    let start = clock.now
    let refreshing = FaultBackend(backend) { call in
      if start.duration(to: clock.now) > .seconds(25) { backend[.lock(second)] = bytes }
      return nil
    }
    let repository = try await TestRepository.open(refreshing)
    #expect(try await RepositoryLock.removeStale(on: repository, clock: scene.lockClock).isEmpty)
    #expect(scene.locks == [.lock(first), .lock(second)])
    #expect(start.duration(to: clock.now) < .seconds(40))
  }
}

/// Lists nothing while it is late.
private struct ForgetfulListing: BackendWrapper {
  let base: any Backend
  let isLate: @Sendable () -> Bool

  func list(_ type: BackendFileType) async throws(BackendError) -> [BackendEntry] {
    isLate() ? [] : try await base.list(type)
  }
}

/// Says that every file is there whose size is asked for, until it is asked for a list, as rclone does of a file that somebody
/// else has removed.
private final class RememberingBackend: BackendWrapper {
  let base: any Backend
  private let wasListed = Locked(false)

  init(base: any Backend) {
    self.base = base
  }

  /// It remembers from now on.
  func remember() { wasListed.withLock { $0 = false } }

  func byteCount(of file: BackendFile) async throws(BackendError) -> Int {
    wasListed.withLock { $0 } ? try await base.byteCount(of: file) : 100
  }

  func list(_ type: BackendFileType) async throws(BackendError) -> [BackendEntry] {
    wasListed.withLock { $0 = true }
    return try await base.list(type)
  }
}

/// Lists lock files only when another was written after them.
private final class LateListingBackend: Backend {
  private let base: MemoryBackend
  private let newest = Locked<BackendFile?>(nil)

  init(_ base: MemoryBackend) {
    self.base = base
  }

  let description = "late"
  let isDistant = false

  func create() async throws(BackendError) {
    try await base.create()
  }

  func save(_ file: BackendFile, _ bytes: PooledBytes) async throws(BackendError) {
    try await base.save(file, bytes)
    newest.withLock { $0 = file }
  }

  func load(_ file: BackendFile, range: Range<Int>?) async throws(BackendError) -> PooledBytes {
    try await base.load(file, range: range)
  }

  func byteCount(of file: BackendFile) async throws(BackendError) -> Int {
    try await base.byteCount(of: file)
  }

  func list(_ type: BackendFileType) async throws(BackendError) -> [BackendEntry] {
    let newest = newest.withLock { $0 }
    return try await base.list(type).filter { $0.file != newest }
  }

  func remove(_ file: BackendFile) async throws(BackendError) {
    try await base.remove(file)
  }

  func capacity() async throws(BackendError) -> StorageCapacity? {
    nil
  }
}

extension LockScene {
  /// Takes the commit lock of `repository`, else of the scene's.
  fileprivate func acquire(
    on repository: Repository? = nil, retryFor: Duration = .zero
  ) async throws(RepositoryError) -> CommitLock {
    try await CommitLock.acquire(
      on: repository ?? self.repository, retryFor: retryFor, policy: policy, clock: lockClock)
  }
}
