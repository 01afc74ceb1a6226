internal import Logging

/// The right to save a snapshot: one client of this program has it at a time, while restic's backups and other mounts
/// go on.
///
///     let lock = try await CommitLock.acquire(on: repository)
///     …                                  // list snapshots, compare with the base, merge
///     try await lock.confirm()
///     let saved = try await repository.save(sealed)
///     try await lock.confirm()           // throws .lockLost: somebody may have overtaken us, look for forks
///     try await lock.release()
///
/// For restic this is an ordinary shared lock: a file like those of `RepositoryLock`, with one member more
/// (`LockMark`). A client that wants the lock lists the locks. If there is no commit lock and no exclusive lock, the
/// client writes a file, waits if listings may lag behind, and lists again. It has the lock if this second listing has
/// its own file and no other commit lock. If the listing also has others, the client with the lowest name keeps its
/// file and continues to look; all others remove their files and start again after a random pause. A holder writes a
/// new file every 30 s.
///
/// **Why there are never two holders**, on a storage where a file that was written is in every listing that begins later:
/// 1. A holder's file is there all the time. A refresh writes a new file before the old one goes, checks after the writing
///    that the old one was still there (else the lock is lost), and removes it 30 s after the new one was written: a
///    listing that takes less than 30 s, in which files come and go, holds one of the two for certain. A listing that took
///    longer decides nothing.
/// 2. Of two clients with files on the storage one finished writing last. Its listing began after that, so it saw the
///    other's file, and it does not get the lock while that is there. What the names decide is who gives way, never who
///    holds the lock; so a client that was listed late, or not at all, by one that holds the lock already does no harm.
/// 3. A file is removed by others only when its holder is dead: its process has ended (same boot, same process namespace),
///    or it wrote no new file for 120 s by the clock of the one who waits. A holder counts its lock as lost 90 s after
///    the writing of its newest file began, by its own wall clock or timer, whichever says more: before others may remove
///    it. No clock is compared with one of another machine, only rates are trusted. Who removed a file lists again.
///
/// **Why it goes on**: the lowest of the names that are there gives way to nobody, clients that come later write nothing
/// while it is there, and so all files beside it go; a holder that died is removed after two minutes.
///
/// What the lock cannot do: a client that is stopped after `confirm`, and whose snapshot arrives minutes later when
/// somebody else has the lock. Hence the second `confirm`, and `SnapshotFork`. Choose the snapshot's time before the first
/// `confirm`: then one that arrives late is, as far as the clocks agree, also the older one, and hides nothing. On a
/// storage whose listings lag behind, two clients may not see each other and both save a snapshot: `SnapshotFork` finds
/// that as well.
public final class CommitLock: Sendable {
  private let lease: LockLease

  private init(_ lease: LockLease) {
    self.lease = lease
  }

  /// The name of this client's newest file.
  public var id: LockID { lease.id }

  /// Throws `.lockLost` unless the lock was refreshed in the last 90 s and is not known to be lost. Makes no request.
  public func validate() throws(RepositoryError) {
    try lease.validate()
  }

  /// Throws `.lockLost` unless the lock is valid and one listing shows its file on the storage now.
  ///
  /// If this does not throw after a snapshot was saved, nobody else had the lock until then.
  public func confirm() async throws(RepositoryError) {
    try await lease.confirm()
  }

  /// The same for this lock and `lock`, by the same listing.
  public func confirm(with lock: RepositoryLock) async throws(RepositoryError) {
    try await LockLease.confirm([lock.lease, lease])
  }

  /// Releases the lock. Throws the storage's error; other clients then wait until they consider this one dead.
  public func release() async throws(RepositoryError) {
    try await lease.release()
  }

  // MARK: Acquiring

  /// Takes the lock; waits for others up to `retryFor`, which should be more than `LockPolicy.Commit.deadAfter`.
  ///
  /// Throws `.locked`, which names the holder, if the time is up; `.cancelled` if the task is cancelled while it waits.
  /// This client's file is removed in both cases.
  public static func acquire(
    on repository: Repository, retryFor: Duration = .seconds(300), policy: LockPolicy = LockPolicy(),
    clock: LockClock = .system
  ) async throws(RepositoryError) -> CommitLock {
    let attempt = Attempt(
      repository: repository, policy: policy, clock: clock,
      terms: LockLease.Terms(
        isExclusive: false, mark: LockMark(commitHolder: randomHolder()),
        refreshInterval: policy.commit.refreshInterval,
        lossTimeout: policy.commit.lossTimeout, retention: policy.commit.refreshInterval, recovers: false,
        name: "the commit lock"))
    await LockLease.removeUnwanted(from: repository)
    var survey = CommitSurvey(repository: repository, policy: policy, clock: clock)
    var delay = policy.commit.firstRetryDelay
    let elapsed = clock.stopwatch()
    var waiting: WaitingNotes.Waiting?
    defer { waiting?.end() }
    while true {
      let message: String
      switch try await attempt.run(&survey) {
      case .acquired(let lease):
        if waiting != nil {
          repository.settings.logger.info("got the commit lock after \(elapsed().components.seconds) s")
        }
        return CommitLock(lease)
      case .obstacle(let obstacle): message = obstacle
      }
      let remaining = retryFor - elapsed()
      guard remaining > .zero else { throw .locked(message) }
      waiting = repository.settings.waiting.note(waiting) { message }
      try await clock.sleep(for: min(delay * Double.random(in: 0.5...1), remaining))
      delay = min(delay * 2, policy.commit.longestRetryDelay)
    }
  }

  private static func randomHolder() -> String {
    Hex.text(SecureRandom.bytes(16))
  }

  /// One attempt to take the lock, and its state.
  private struct Attempt {
    enum Outcome {
      case acquired(LockLease)
      /// What prevents this client from taking the lock.
      case obstacle(String)
    }

    let repository: Repository
    let policy: LockPolicy
    let clock: LockClock
    let terms: LockLease.Terms

    func run(_ survey: inout CommitSurvey) async throws(RepositoryError) -> Outcome {
      repository.anticipateStoring()
      if let obstacle = obstacle(try await survey.look(), survey) { return .obstacle(obstacle) }
      let draft = try LockLease.Draft(of: terms, in: repository, clock)
      do throws(RepositoryError) {
        try await draft.save(in: repository)
        guard let obstacle = try await compete(draft.file, &survey) else {
          return .acquired(
            LockLease(repository: repository, file: draft.file, terms: terms, policy: policy, clock: clock))
        }
        try await LockLease.remove(draft.file.id, from: repository)
        return .obstacle(obstacle)
      } catch {
        await LockLease.clearAway(draft.file.id, from: repository)
        throw error
      }
    }

    /// Waits until no other client has a file. Returns the reason to give way, or nil if this client has the lock.
    private func compete(_ own: LockLease.File, _ survey: inout CommitSurvey) async throws(RepositoryError) -> String? {
      var delay = await policy.sharedCheckDelay(on: repository.backend)
      while true {
        if delay > .zero { try await clock.sleep(for: delay) }
        delay = policy.checkDelay
        let view = try await survey.look(own: own.id)
        let stays = own.age() < policy.commit.stayLimit
        switch view {
        case .contended(let other) where stays && own.id < other.id:
          continue
        case .clear where own.age() >= policy.commit.lossTimeout:
          return "could not take the commit lock in time"
        default:
          return obstacle(view, survey)
        }
      }
    }

    private func obstacle(_ view: CommitSurvey.View, _ survey: CommitSurvey) -> String? {
      switch view {
      case .clear:
        nil
      case .blocked(let other):
        survey.locks.message(about: other)
      case .contended(let other):
        """
        another client is saving a snapshot: PID \(other.file.pid) on \(other.file.hostname) by \(other.file.username)
        storage ID \(other.id.short); if that client is gone, its lock is removed after two minutes
        """
      case .unlisted:
        "this client's own commit lock is not listed: it was removed, or the storage does not list new files immediately"
      }
    }
  }
}
