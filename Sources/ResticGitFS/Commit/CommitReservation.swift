import Logging
import ResticCore

/// A commit lock that is being taken while something else goes on.
///
/// To take one needs a wait of 200 ms where listings may lag behind (`CommitLock`); what is to be committed can be stored
/// meanwhile.
struct CommitReservation: Sendable {
  private let repository: Repository
  private let retryFor: Duration
  private let clock: LockClock
  private let logger: Logger
  private let task: Task<CommitLock, any Error>

  /// Long enough to outlive a committer that died: that takes two minutes to know.
  static let leastRetry = Duration.seconds(150)

  /// Begins to take the commit lock of `repository`; waits for others up to `retryFor`.
  init(of repository: Repository, retryFor: Duration, clock: LockClock = .system, logger: Logger) {
    self.repository = repository
    self.retryFor = retryFor
    self.clock = clock
    self.logger = logger
    task = Task { try await CommitLock.acquire(on: repository, retryFor: retryFor, clock: clock) }
  }

  /// The lock. One that was lost since is taken anew. Throws what `CommitLock.acquire` does.
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

  /// The lock that was reserved; it stays the reservation's. Throws `.lockLost` where it was lost since, and what
  /// `CommitLock.acquire` does.
  func reservedLock() async throws -> CommitLock {
    let lock = try await task.value
    try lock.validate()
    return lock
  }

  /// Gives back the lock, or stops taking it.
  func giveUp() async {
    task.cancel()
    // Why it was not taken matters no more.
    if let lock = try? await task.value { await Self.release(lock, logger) }
  }

  /// Gives `lock` back.
  static func release(_ lock: CommitLock, _ logger: Logger) async {
    do {
      try await lock.release()
    } catch {
      logger.warning("the commit lock could not be removed; other clients will wait up to two minutes: \(error)")
    }
  }
}
