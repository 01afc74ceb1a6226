import ResticTestSupport
import Testing

@testable import ResticCore

@Suite("Commit locks whose holders have died")
struct CommitLockDeadHolderTests {
  @Test("the lock of a holder whose process has ended is taken over at once")
  func deadProcess() async throws {
    let scene = try await CommitLockScene()
    let field = LockMark(commitHolder: "abc").field
    try await scene.plant(host: "testhost", pid: CommitLockScene.noProcess, fields: [field])
    try await scene.plant(host: "testhost", pid: CommitLockScene.noProcess, fields: [field])
    let lock = try await scene.acquire()
    #expect(scene.locks == [.lock(lock.id)])
    try await lock.release()
  }

  @Test(
    "a process number proves nothing on another machine, in another boot or another namespace, or if the process is alive"
  )
  func foreignProcess() async throws {
    let here = try #require(LockMark.ProcessScope.current)
    let otherBoot = LockMark.ProcessScope(boot: "other", pidNamespace: here.pidNamespace)
    let otherNamespace = LockMark.ProcessScope(boot: here.boot, pidNamespace: here.pidNamespace + 1)
    for (host, pid, scope) in [
      ("elsewhere", CommitLockScene.noProcess, here), ("testhost", CommitLockScene.noProcess, otherBoot),
      ("testhost", CommitLockScene.noProcess, otherNamespace), ("testhost", 1, here), ("testhost", 4711, here),
      ("testhost", CommitLockScene.noProcess, nil),
    ] {
      let scene = try await CommitLockScene()
      let mark = LockMark(scope: scope, commitHolder: "abc")
      let other = try await scene.plant(host: host, pid: pid, fields: [mark.field])
      let error = await #expect(throws: RepositoryError.self) { try await scene.acquire(retryFor: .seconds(110)) }
      #expect(CommitLockScene.isLocked(error))
      #expect(scene.locks == [.lock(other)])
      let start = scene.clock.now
      try await scene.acquire(retryFor: .seconds(130)).release()
      #expect(start.duration(to: scene.clock.now) > .seconds(119))
      #expect(scene.locks.isEmpty)
    }
  }

  @Test("a mark of an unknown kind counts as a commit lock, which is waited for")
  func unknownMark() async throws {
    let marks = [
      "7", "\"x\"", "[]", "{\"commit\":1}", "{\"commit\":{\"a\":1}}", "{\"boot\":1}",
      "{\"commit\":\"x\",\"pidNamespace\":-1,\"boot\":\"\"}",
    ]
    for mark in marks {
      let scene = try await CommitLockScene()
      let other = try await scene.plant(fields: [UnknownField(key: LockMark.key, rawValue: Array(mark.utf8))])
      await #expect(throws: RepositoryError.self, "\(mark)") { try await scene.acquire(retryFor: .seconds(60)) }
      #expect(scene.locks == [.lock(other)])
      try await scene.acquire(retryFor: .seconds(130)).release()
    }
  }

  @Test("only the locks of certainly dead holders are removed")
  func removeStale() async throws {
    let scene = try await CommitLockScene()
    let otherBoot = LockMark.ProcessScope(boot: "other", pidNamespace: 1)
    let dead: Set<LockID> = [
      try await scene.plant(host: "testhost", pid: CommitLockScene.noProcess, fields: [LockMark().field]),
      try await scene.plant(
        host: "testhost", pid: CommitLockScene.noProcess, fields: [LockMark(commitHolder: "a").field]),
      try await scene.plant(fields: [LockMark(scope: otherBoot, commitHolder: "b").field]),
    ]
    let kept: Set<LockID> = [
      try await scene.plant(host: "testhost", pid: CommitLockScene.noProcess),
      try await scene.plant(exclusive: true),
      try await scene.plant(fields: [LockMark().field]),
      try await scene.plant(
        host: "testhost", pid: CommitLockScene.noProcess, fields: [LockMark(scope: otherBoot).field]),
      try await scene.plant(host: "testhost", pid: 1, fields: [LockMark().field]),
    ]
    let removed = try await RepositoryLock.removeStale(on: scene.repository, clock: scene.lockClock)
    #expect(Set(removed.map(\.id)) == dead)
    #expect(removed.filter(\.isCommitLock).count == 2)
    #expect(scene.locks == Set(kept.map(BackendFile.lock)))
  }

  @Test("a refreshed commit lock stays, and the wait for it ends with its release")
  func removeStaleBesideLiving() async throws {
    let scene = try await CommitLockScene()
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
