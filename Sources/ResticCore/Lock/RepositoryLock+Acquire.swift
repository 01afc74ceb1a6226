internal import Logging

extension RepositoryLock {
  /// Takes a lock as restic does: look at the others, write ours, wait, look again, and take ours back on a conflict.
  ///
  /// While another lock is in the way it is tried again, at random intervals, for `retryFor`. Then throws `.locked`,
  /// which says who holds what. Throws `.cancelled` if the task is cancelled while it waits; no file of ours stays then.
  public static func acquire(
    on repository: Repository, exclusive: Bool = false, retryFor: Duration = .zero, policy: LockPolicy = LockPolicy(),
    clock: LockClock = .system
  ) async throws(RepositoryError) -> RepositoryLock {
    var survey = LockSurvey(repository: repository, policy: policy, clock: clock)
    var delay = policy.firstRetryDelay
    var waited: (@Sendable () -> Duration)?
    while true {
      switch try await attempt(repository, exclusive: exclusive, &survey, policy: policy, clock: clock) {
      case .acquired(let lock):
        return lock
      case .conflict(let other):
        // Measured from the end of the first attempt.
        let elapsed = waited ?? clock.stopwatch()
        if waited == nil {
          if retryFor > .zero {
            repository.settings.logger.notice("the repository is locked; waiting up to \(retryFor) for the lock")
          }
          waited = elapsed
        }
        let remaining = retryFor - elapsed()
        guard remaining > .zero else { throw .locked(survey.message(about: other)) }
        try await clock.sleep(for: min(delay * Double.random(in: 0.5...1), remaining))
        delay = min(delay * 2, policy.longestRetryDelay)
      }
    }
  }

  private enum Attempt {
    case acquired(RepositoryLock)
    case conflict(LockSurvey.Found)
  }

  private static func attempt(
    _ repository: Repository, exclusive: Bool, _ survey: inout LockSurvey, policy: LockPolicy, clock: LockClock
  ) async throws(RepositoryError) -> Attempt {
    if let other = try await survey.conflict(exclusive: exclusive) { return .conflict(other) }
    let time = clock.wallTime()
    let age = clock.stopwatch()
    let id = try await write(to: repository, time: time, exclusive: exclusive)
    do throws(RepositoryError) {
      try await clock.sleep(for: policy.checkDelay)
      guard let other = try await survey.conflict(exclusive: exclusive, own: id) else {
        return .acquired(
          RepositoryLock(
            repository: repository, id: id, time: time, age: age, isExclusive: exclusive, policy: policy, clock: clock))
      }
      try await takeBack(id, repository)
      return .conflict(other)
    } catch {
      do throws(RepositoryError) {
        try await takeBack(id, repository)
      } catch let cleanup {
        repository.settings.logger.warning("the lock \(id.short) stays behind: \(cleanup)")
      }
      throw error
    }
  }

  private static func takeBack(_ id: LockID, _ repository: Repository) async throws(RepositoryError) {
    do throws(BackendError) {
      try await repository.backend.remove(.lock(id))
    } catch .notFound {
      return  // Somebody else removed it, or an earlier attempt did.
    } catch {
      throw .backend(error)
    }
  }
}
