/// A lock that nobody held any more, and that was removed.
public struct RemovedLock: Hashable, Sendable {
  /// The name its file had.
  public let id: LockID
  /// What the file said.
  public let file: LockFile
  /// Whether it was a commit lock.
  public let isCommitLock: Bool
}

extension RepositoryLock {
  /// Removes the locks of ours whose owner is dead beyond doubt, and returns them: those whose process on this machine has
  /// ended, and commit locks that are not refreshed. To know the latter takes as long as a commit lock is there that does
  /// not change, at most `LockPolicy.Commit.deadAfter` and a little. restic's own locks are never touched.
  ///
  /// Throws `.damaged` where a lock cannot be read, `.cancelled` if the task is cancelled while it waits.
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
