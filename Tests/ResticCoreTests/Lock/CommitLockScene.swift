import ResticTestSupport

@testable import ResticCore

/// One repository, and a clock whose sleeps end at once, for tests of locks that have a mark.
struct CommitLockScene {
  /// Where the repository is.
  let backend = MemoryBackend()
  /// The repository, opened.
  let repository: Repository
  /// Everybody's clock.
  let clock = TestClock(advancesOnSleep: true)

  init() async throws {
    repository = try await TestRepository.create(on: backend)
  }

  /// The files of locks that are there.
  var locks: Set<BackendFile> { Set(backend.files.keys.filter { $0.type == .lock }) }

  /// Polls once a year: with a clock whose sleeps end at once the refreshing task would never rest.
  var policy: LockPolicy {
    var policy = LockPolicy()
    policy.pollInterval = .seconds(365 * 86400)
    return policy
  }

  /// The clock as locks take it.
  var lockClock: LockClock {
    LockClock(HalfClock(base: clock)) { [clock] in clock.lockClock.wallTime() }
  }

  /// Takes the commit lock.
  func acquire(
    on repository: Repository? = nil, retryFor: Duration = .zero
  ) async throws(RepositoryError) -> CommitLock {
    try await CommitLock.acquire(
      on: repository ?? self.repository, retryFor: retryFor, policy: policy, clock: lockClock)
  }

  /// A lock of another client, `age` seconds old.
  @discardableResult
  func plant(
    exclusive: Bool = false, host: String = "elsewhere", pid: Int32 = 99, age: Int64 = 0, fields: [UnknownField] = []
  ) async throws -> LockID {
    var time = clock.lockClock.wallTime()
    time.seconds -= age
    let file = LockFile(
      time: time, exclusive: exclusive, hostname: host, username: "somebody", pid: pid,
      unknownFields: fields)
    return try await repository.unpacked.save(file.encode(), as: BackendFile.lock)
  }

  /// Larger than any process number Linux gives out (2^22).
  static let noProcess: Int32 = 1 << 23

  /// Whether `error` says that another client has a lock.
  static func isLocked(_ error: RepositoryError?) -> Bool {
    if case .locked = error { true } else { false }
  }
}
