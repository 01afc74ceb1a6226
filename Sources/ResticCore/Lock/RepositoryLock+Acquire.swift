internal import Logging

extension RepositoryLock {
  /// Takes a lock as restic does: looks for other locks, writes its own, waits, looks again, and removes its own on a
  /// conflict. A shared lock waits only if listings may lag behind (`LockPolicy.sharedCheckDelay`).
  ///
  /// While another lock conflicts, this tries again at random intervals for `retryFor`. Then it throws `.locked`, which
  /// names the holder. Throws `.cancelled` if the task is cancelled while it waits. This client's file is removed in
  /// both cases.
  public static func acquire(
    on repository: Repository, exclusive: Bool = false, retryFor: Duration = .zero, policy: LockPolicy = LockPolicy(),
    clock: LockClock = .system
  ) async throws(RepositoryError) -> RepositoryLock {
    await LockLease.removeUnwanted(from: repository)
    var survey = LockSurvey(repository: repository, policy: policy, clock: clock)
    var delay = policy.firstRetryDelay
    var waited: (@Sendable () -> Duration)?
    var waiting: WaitingNotes.Waiting?
    defer { waiting?.end() }
    while true {
      switch try await attempt(repository, exclusive: exclusive, &survey, policy: policy, clock: clock) {
      case .acquired(let lock):
        if let waited { repository.settings.logger.info("got the lock after \(waited().components.seconds) s") }
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
        let look = survey
        waiting = repository.settings.waiting.note(waiting) { look.message(about: other) }
        try await clock.sleep(for: min(delay * Double.random(in: 0.5...1), remaining))
        delay = min(delay * 2, policy.longestRetryDelay)
      }
    }
  }

  /// Whether nobody has an exclusive lock at this moment, so that a shared lock could be taken. Removes locks of this
  /// program whose process has ended, as taking a lock does. Throws `.damaged` if a lock cannot be read.
  public static func isFree(
    on repository: Repository, policy: LockPolicy = LockPolicy(), clock: LockClock = .system
  ) async throws(RepositoryError) -> Bool {
    var survey = LockSurvey(repository: repository, policy: policy, clock: clock)
    return try await survey.conflict(exclusive: false) == nil
  }

  private enum Attempt {
    case acquired(RepositoryLock)
    case conflict(LockSurvey.Found)
  }

  private static func attempt(
    _ repository: Repository, exclusive: Bool, _ survey: inout LockSurvey, policy: LockPolicy, clock: LockClock
  ) async throws(RepositoryError) -> Attempt {
    repository.anticipateStoring()
    if let other = try await survey.conflict(exclusive: exclusive) { return .conflict(other) }
    let terms = terms(exclusive: exclusive, policy: policy)
    let draft = try LockLease.Draft(of: terms, in: repository, clock)
    let id = draft.file.id
    do throws(RepositoryError) {
      try await draft.save(in: repository)
      let delay = exclusive ? policy.checkDelay : await policy.sharedCheckDelay(on: repository.backend)
      if delay > .zero { try await clock.sleep(for: delay) }
      guard let other = try await survey.conflict(exclusive: exclusive, own: [id]) else {
        return .acquired(
          RepositoryLock(
            LockLease(repository: repository, file: draft.file, terms: terms, policy: policy, clock: clock)))
      }
      try await LockLease.remove(id, from: repository)
      return .conflict(other)
    } catch {
      await LockLease.clearAway(id, from: repository)
      throw error
    }
  }
}
