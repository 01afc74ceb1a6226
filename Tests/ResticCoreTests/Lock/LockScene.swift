import ResticTestSupport

@testable import ResticCore

/// One repository, and a clock whose sleeps end at once, for tests of locks with a mark.
struct LockScene {
  let backend = MemoryBackend()
  let repository: Repository
  let clock = TestClock(advancesOnSleep: true)

  /// Larger than any process number Linux gives out (2^22).
  static let noProcess: Int32 = 1 << 23

  init() async throws {
    repository = try await TestRepository.create(on: backend)
  }

  /// The lock files that are there.
  var locks: Set<BackendFile> { Set(backend.files.keys.filter { $0.type == .lock }) }

  /// Polls once a year: with a clock that nobody stops the refreshing task would run on and on.
  var policy: LockPolicy {
    var policy = LockPolicy()
    policy.pollInterval = .seconds(365 * 86400)
    return policy
  }

  /// `clock`, with which refreshing is never due.
  var lockClock: LockClock {
    LockClock(HalfClock(base: clock)) { [clock] in clock.lockClock.wallTime() }
  }

  /// Writes a lock of another client that is `age` seconds old.
  @discardableResult
  func plant(
    exclusive: Bool = false, host: String = "elsewhere", pid: Int32 = 99, age: Int64 = 0, mark: LockMark? = nil,
    fields: [UnknownField] = []
  ) async throws -> LockID {
    var time = lockClock.wallTime()
    time.seconds -= age
    let file = LockFile(
      time: time, exclusive: exclusive, hostname: host, username: "somebody", pid: pid,
      unknownFields: fields + (mark.map { [$0.field] } ?? []))
    return try await repository.unpacked.save(file.encode(), as: BackendFile.lock)
  }

  /// Whether `error` says that somebody else has a lock.
  static func isLocked(_ error: RepositoryError?) -> Bool {
    if case .locked = error { true } else { false }
  }
}
