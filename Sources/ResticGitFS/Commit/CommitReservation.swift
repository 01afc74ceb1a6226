import Logging
import ResticCore

/// A commit lock that is taken in the background.
///
/// Taking the lock includes a wait of 200 ms if listings may lag behind (`CommitLock`); meanwhile, the content can be
/// stored.
struct CommitReservation: Sendable {
  private let repository: Repository
  private let retryFor: Duration
  private let clock: LockClock
  private let logger: Logger
  private let task: Task<CommitLock, any Error>

  /// Long enough to outlive a dead committer, which is known after two minutes.
  static let leastRetry = Duration.seconds(150)

  /// Begins to take the commit lock of `repository`; waits for others up to `retryFor`.
  init(of repository: Repository, retryFor: Duration, clock: LockClock = .system, logger: Logger) {
    self.repository = repository
    self.retryFor = retryFor
    self.clock = clock
    self.logger = logger
    task = Task { try await CommitLock.acquire(on: repository, retryFor: retryFor, clock: clock) }
  }

  /// The lock. If it was lost meanwhile, a new one is taken. Throws the errors of `CommitLock.acquire`.
  func lock() async throws -> CommitLock {
    let lock = try await withTaskCancellationHandler {
      try await task.value
    } onCancel: {
      task.cancel()
    }
    do throws(RepositoryError) {
      try lock.validate()
      return lock
    } catch {
      await Self.release(lock, logger)
      return try await CommitLock.acquire(on: repository, retryFor: retryFor, clock: clock)
    }
  }

  /// The reserved lock, which still belongs to the reservation. Throws `.lockLost` if it was lost meanwhile, and the
  /// errors of `CommitLock.acquire`.
  func reservedLock() async throws -> CommitLock {
    let lock = try await task.value
    try lock.validate()
    return lock
  }

  /// Releases the lock, or stops taking it.
  func giveUp() async {
    task.cancel()
    // The reason why it was not taken no longer matters.
    if let lock = try? await task.value { await Self.release(lock, logger) }
  }

  /// Releases `lock`.
  static func release(_ lock: CommitLock, _ logger: Logger) async {
    do {
      try await lock.release()
    } catch {
      logger.warning("the commit lock could not be removed; other clients will wait up to two minutes: \(error)")
    }
  }
}
