import Glibc
import ResticTestSupport
import Testing

@testable import ResticCore

@Suite("The lock for maintenance")
struct HousekeepingLockTests {
  private static let elsewhere = LockMark(scope: nil, isHousekeeping: true)

  @Test("restic sees a shared lock, which is removed at the release")
  func file() async throws {
    let scene = try await CommitLockScene()
    let lock = try await scene.take()
    let file = try LockFile.decode(try await scene.repository.unpacked.load(.lock(lock.id)))
    #expect(!file.exclusive)
    #expect(LockMark(of: file, stored: lock.id)?.isHousekeeping == true)
    #expect(LockMark(of: file, stored: lock.id)?.commitHolder == nil)
    try await lock.release()
    #expect(scene.locks.isEmpty)
  }

  // T2 One client at a time keeps house.
  @Test("a client that finds another client's maintenance lock gets none, and leaves nothing behind")
  func other() async throws {
    let scene = try await CommitLockScene()
    let other = try await scene.plant(fields: [Self.elsewhere.field])
    let error = await #expect(throws: RepositoryError.self) { try await scene.take() }
    #expect(CommitLockScene.isLocked(error))
    #expect(scene.locks == [.lock(other)])
  }

  @Test("shared locks and commit locks do not exclude it; an exclusive lock does")
  func others() async throws {
    let scene = try await CommitLockScene()
    try await scene.plant(fields: [])
    try await scene.plant(fields: [LockMark(scope: nil, commitHolder: "x").field])
    try await scene.take().release()
    try await scene.plant(exclusive: true, fields: [])
    let error = await #expect(throws: RepositoryError.self) { try await scene.take() }
    #expect(CommitLockScene.isLocked(error))
  }

  @Test("the locks of a dead process of this machine, and stale locks, do not count")
  func dead() async throws {
    let scene = try await CommitLockScene()
    let dead = try await scene.plant(
      host: "testhost", pid: CommitLockScene.noProcess, fields: [LockMark(isHousekeeping: true).field])
    let stale = try await scene.plant(age: 31 * 60, fields: [Self.elsewhere.field])
    try await scene.take().release()
    #expect(!scene.locks.contains(.lock(dead)))
    #expect(scene.locks == [.lock(stale)], "left to restic unlock")
  }

  // T2 A clock that is wrong elsewhere keeps nobody away for long.
  @Test("a lock that is dated half an hour ahead or more does not count; a lock that is dated a little ahead does")
  func ahead() async throws {
    let scene = try await CommitLockScene()
    try await scene.plant(age: -31 * 60, fields: [Self.elsewhere.field])
    try await scene.take().release()
    try await scene.plant(age: -60, fields: [Self.elsewhere.field])
    let error = await #expect(throws: RepositoryError.self) { try await scene.take() }
    #expect(CommitLockScene.isLocked(error))
  }

  @Test("of two simultaneous clients at most one gets the lock", arguments: 0..<20)
  func race(_ round: Int) async throws {
    let scene = try await CommitLockScene()
    async let first = try? scene.take()
    async let second = try? scene.take()
    let taken = await [first, second].compactMap(\.self)
    #expect(taken.count < 2)
    for lock in taken { try await lock.release() }
    #expect(scene.locks.isEmpty)
  }
}

extension CommitLockScene {
  fileprivate func take() async throws(RepositoryError) -> HousekeepingLock {
    try await HousekeepingLock.take(on: repository, policy: policy, clock: lockClock)
  }
}
