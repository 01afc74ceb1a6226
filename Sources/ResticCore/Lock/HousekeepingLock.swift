internal import Logging

/// The mark of the one client that keeps house in a repository: nobody waits for it, and whoever finds it does something else.
///
///     let lock = try await HousekeepingLock.take(on: repository)  // throws .locked: another client has it
///     …                                                          // git repacks
///     try await lock.release()
///
/// To restic it is an ordinary shared lock: a file like those of `RepositoryLock`, with one member more (`LockMark`). So
/// restic's backups go on beside it, a prune waits for it, and `restic unlock` removes one that is stale.
/// Whoever wants it looks for another one, writes a file, waits where listings may lag behind, and looks again. Of two clients
/// that want it at once both may give way: the next push tries again.
///
/// **Nothing relies on it.** Two clients that keep house at once lose nothing, since commits merge what both did
/// (`ObjectRemovals` of ResticGitFS); they only work twice. So a mark of another machine that was not refreshed for
/// `LockPolicy.staleAfter` is passed over, and left to `restic unlock`; so is one that is dated as far ahead of the clock, which
/// would otherwise keep all others away until then. One whose process has ended on this machine is removed.
public final class HousekeepingLock: Sendable {
  private let lease: LockLease

  private init(_ lease: LockLease) {
    self.lease = lease
  }

  /// The name of our newest file.
  public var id: LockID { lease.id }

  /// Takes the mark, or throws `.locked`, which says who has it or an exclusive lock. No file of ours stays then.
  public static func take(
    on repository: Repository, policy: LockPolicy = LockPolicy(), clock: LockClock = .system
  ) async throws(RepositoryError) -> HousekeepingLock {
    await LockLease.removeUnwanted(from: repository)
    var look = Look(
      survey: LockSurvey(repository: repository, policy: policy, clock: clock), policy: policy, clock: clock)
    try await look.requireFree()
    let terms = LockLease.Terms(
      isExclusive: false, mark: LockMark(isHousekeeping: true), refreshInterval: policy.refreshInterval,
      lossTimeout: policy.lossTimeout, retention: .zero, recovers: true, name: "the mark for housekeeping")
    let draft = try LockLease.Draft(of: terms, in: repository, clock)
    do throws(RepositoryError) {
      try await draft.save(in: repository)
      let delay = await policy.sharedCheckDelay(on: repository.backend)
      if delay > .zero { try await clock.sleep(for: delay) }
      try await look.requireFree(own: draft.file.id)
      return HousekeepingLock(
        LockLease(repository: repository, file: draft.file, terms: terms, policy: policy, clock: clock))
    } catch {
      await LockLease.clearAway(draft.file.id, from: repository)
      throw error
    }
  }

  /// Gives the mark back. Throws what the storage failed with; then others pass over it once it is stale.
  public func release() async throws(RepositoryError) {
    try await lease.release()
  }

  /// Looks for those who have the mark.
  private struct Look {
    var survey: LockSurvey
    let policy: LockPolicy
    let clock: LockClock

    /// Throws `.locked` where another client keeps house, or somebody has an exclusive lock.
    mutating func requireFree(own: LockID? = nil) async throws(RepositoryError) {
      let others = try await survey.read().filter { $0.id != own }
      if let other = try await survey.conflict(exclusive: false, among: others) {
        throw .locked(survey.message(about: other))
      }
      if let other = others.first(where: isAtWork) {
        throw .locked(
          "another client keeps house: PID \(other.file.pid) on \(other.file.hostname) by \(other.file.username)")
      }
    }

    private func isAtWork(_ lock: LockSurvey.Found) -> Bool {
      guard lock.mark?.isHousekeeping == true, !survey.isDead(lock) else { return false }
      let age = lock.file.time.duration(to: clock.wallTime())
      return age <= policy.staleAfter && age >= .zero - policy.staleAfter
    }
  }
}
