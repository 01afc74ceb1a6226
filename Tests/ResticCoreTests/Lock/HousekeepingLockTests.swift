import Glibc
import ResticTestSupport
import Testing

@testable import ResticCore

@Suite("The mark for housekeeping")
struct HousekeepingLockTests {
  private struct Scene {
    let backend = MemoryBackend()
    let repository: Repository
    let clock = TestClock(advancesOnSleep: true)

    init() async throws {
      repository = try await TestRepository.create(on: backend)
    }

    var locks: Set<BackendFile> { Set(backend.files.keys.filter { $0.type == .lock }) }

    var policy: LockPolicy {
      var policy = LockPolicy()
      policy.pollInterval = .seconds(365 * 86400)
      return policy
    }

    func take() async throws(RepositoryError) -> HousekeepingLock {
      try await HousekeepingLock.take(on: repository, policy: policy, clock: clock.lockClock)
    }

    /// A lock of another client.
    @discardableResult
    func plant(
      exclusive: Bool = false, mark: LockMark?, pid: Int32 = 99, age: Int64 = 0
    ) async throws -> LockID {
      var time = clock.lockClock.wallTime()
      time.seconds -= age
      let file = LockFile(
        time: time, exclusive: exclusive, hostname: pid == 99 ? "elsewhere" : "testhost", username: "somebody",
        pid: pid,
        unknownFields: mark.map { [$0.field] } ?? [])
      return try await repository.unpacked.save(file.encode(), as: BackendFile.lock)
    }
  }

  private static let elsewhere = LockMark(scope: nil, isHousekeeping: true)
  /// Larger than any process number Linux gives out (2^22).
  private static let noProcess: Int32 = 1 << 23

  private static func isLocked(_ error: RepositoryError?) -> Bool {
    if case .locked = error { true } else { false }
  }

  @Test("it is a shared lock to restic, and gone after release")
  func file() async throws {
    let scene = try await Scene()
    let lock = try await scene.take()
    let file = try LockFile.decode(try await scene.repository.unpacked.load(.lock(lock.id)))
    #expect(!file.exclusive)
    #expect(LockMark(of: file, stored: lock.id)?.isHousekeeping == true)
    #expect(LockMark(of: file, stored: lock.id)?.commitHolder == nil)
    try await lock.release()
    #expect(scene.locks.isEmpty)
  }

  // T2 One client at a time keeps house.
  @Test("whoever finds another one with it gets none, and leaves nothing behind")
  func other() async throws {
    let scene = try await Scene()
    let other = try await scene.plant(mark: Self.elsewhere)
    let error = await #expect(throws: RepositoryError.self) { try await scene.take() }
    #expect(Self.isLocked(error))
    #expect(scene.locks == [.lock(other)])
  }

  @Test("shared locks, commit locks among them, are not in its way; an exclusive one is")
  func others() async throws {
    let scene = try await Scene()
    try await scene.plant(mark: nil)
    try await scene.plant(mark: LockMark(scope: nil, commitHolder: "x"))
    try await scene.take().release()
    try await scene.plant(exclusive: true, mark: nil)
    let error = await #expect(throws: RepositoryError.self) { try await scene.take() }
    #expect(Self.isLocked(error))
  }

  @Test("the mark of a dead process of this machine, and one that is stale, stop nobody")
  func dead() async throws {
    let scene = try await Scene()
    let dead = try await scene.plant(mark: LockMark(isHousekeeping: true), pid: Self.noProcess)
    let stale = try await scene.plant(mark: Self.elsewhere, age: 31 * 60)
    try await scene.take().release()
    #expect(!scene.locks.contains(.lock(dead)))
    #expect(scene.locks == [.lock(stale)], "left to restic unlock")
  }

  @Test("two that want it at once don't both get it", arguments: 0..<20)
  func race(_ round: Int) async throws {
    let scene = try await Scene()
    async let first = try? scene.take()
    async let second = try? scene.take()
    let taken = await [first, second].compactMap(\.self)
    #expect(taken.count < 2)
    for lock in taken { try await lock.release() }
    #expect(scene.locks.isEmpty)
  }
}
