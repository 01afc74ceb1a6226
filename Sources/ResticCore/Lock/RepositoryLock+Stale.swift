/// A lock without a holder that was removed.
public struct RemovedLock: Hashable, Sendable {
  /// The name of its file.
  public let id: LockID
  /// The content of its file.
  public let file: LockFile
  /// Whether it was a commit lock.
  public let isCommitLock: Bool
}

extension RepositoryLock {
  /// Removes this program's locks whose owner is certainly dead, and returns them: locks of a process on this machine
  /// that has ended, and commit locks that nobody refreshes. To know the latter, this waits for as long as there is an
  /// unchanging commit lock, at most a little more than `LockPolicy.Commit.deadAfter`. restic's own locks are never
  /// removed.
  ///
  /// Throws `.damaged` if a lock cannot be read, `.cancelled` if the task is cancelled while it waits.
  public static func removeStale(
    on repository: Repository, policy: LockPolicy = LockPolicy(), clock: LockClock = .system
  ) async throws(RepositoryError) -> [RemovedLock] {
    var survey = CommitSurvey(repository: repository, policy: policy, clock: clock)
    var removed: [RemovedLock] = []
    var alive: Set<String> = []
    while true {
      removed += try await survey.removeStale().map { lock in
        RemovedLock(id: lock.id, file: lock.file, isCommitLock: lock.mark?.commitHolder != nil)
      }
      alive.formUnion(survey.refreshed)
      guard !survey.holders.subtracting(alive).isEmpty else { return removed }
      try await clock.sleep(for: policy.commit.longestRetryDelay)
    }
  }
}
