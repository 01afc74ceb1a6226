import Logging
import ResticCore

/// Saves a stored tree as the newest snapshot: the compare and swap of a commit.
///
/// The commit lock prevents others from saving between the look and the save: if the newest matching snapshot still has
/// the base's tree, this mount's tree follows it; otherwise the two are merged (`TreeMerge`), and the merged tree
/// follows. Nothing that somebody else saved is overwritten.
///
/// Both locks are confirmed before saving (`LockConfirmation`), and the commit lock once more afterwards. If it was
/// lost in between, as happens to a process that was stopped for minutes, another client may have saved a snapshot
/// beside this one: then the lock is taken again, and changes that are missing from the newest snapshot are merged into
/// it, until a snapshot is saved with the lock held all the time.
///
/// A turn with the commit lock looks (`look`), saves or merges (`SnapshotSaver+Turn`), and sends
/// (`SnapshotSaver+Delivery`).
struct SnapshotSaver: Sendable {
  /// The mounted repository.
  let repository: Repository
  /// Which snapshots belong to the mount.
  let filter: SnapshotFilter
  /// Who commits.
  let identity: SnapshotIdentity
  /// How long to wait for another committer.
  let retryFor: Duration
  /// Whether a merge with conflicts for a person is an error, `RefusedMerge`, with nothing saved.
  let refusesConflicts: Bool
  /// Refuses to save on top of an older state than this machine has seen (`RolledBackRepository`); nil: not checked.
  let rollbackWatch: RollbackWatch?
  /// The time of snapshots and locks.
  let clock: LockClock
  /// Logs what a person may want to know.
  let logger: Logger
  /// Stores a base and this mount's side for a merge with a tree, if the true base was forgotten and pruned.
  let rebase: @Sendable (_ theirs: BlobID) async throws -> (base: BlobID, ours: BlobID)
  /// Called with each snapshot before it is sent. Unless `didSave` follows, the next commit has to look for the
  /// snapshot.
  let willSend: @Sendable (SentSnapshot) -> Void
  /// Called with each snapshot that was sent and is saved.
  let didSave: @Sendable (SentSnapshot) -> Void
  /// Called at the last moment before anything is saved; an error prevents saving.
  let willSave: @Sendable () throws(RepositoryError) -> Void
  /// Releases commit locks that are no longer needed.
  let returned: ReturnedLocks

  /// How often the lock is taken again after it was lost.
  private static let longestLosingStreak = 3

  /// Saves `ours`, whose base is `base`. `summary` has the counts of the commit; consumes `reservation`. With `known`,
  /// `base` is an unconfirmed snapshot: others may have been saved since only those existed. `sent` are snapshots of
  /// earlier commits, the oldest first: the last of them that is stored replaces `base`. `early` was begun with
  /// `reservation`.
  ///
  /// Throws before anything is saved; or `UnansweredSnapshot`, or `UnconfirmedSnapshot`; or `RefusedMerge`, if the
  /// saved snapshot turned out to be beside another client's: then both are in the newest snapshot, with their version
  /// in place.
  func save(
    _ ours: DurableTree, base: CommitBase.Shown, known: Set<SnapshotID>? = nil, sent: [SentSnapshot] = [],
    lock: RepositoryLock, reservation: CommitReservation, early: EarlyLook? = nil, summary: SnapshotSummary
  ) async throws -> CommitResult {
    let change = Change(ours: ours, base: base, known: known, sent: sent, mounted: ours.id)
    var turn = try await takeTurn(change, lock, reservation, early, summary)
    var result = turn.result
    var refusal: RefusedMerge?
    var losses = 0
    while let tree = turn.saved, let loss = turn.loss, case .saved(let saved, let merge) = result {
      logger.warning(
        "snapshot \(saved.id.short) is saved, but the commit lock was lost meanwhile: looking again: \(loss)")
      let change = Change(
        ours: tree, base: CommitBase.Shown(saved), known: turn.known, isSaved: true, mounted: ours.id, earlier: merge)
      losses += 1
      // A lock of this client that is still being released would block the next one.
      await returned.wait()
      do {
        guard losses <= Self.longestLosingStreak else { throw loss }
        let again = CommitReservation(
          of: repository, retryFor: max(retryFor, CommitReservation.leastRetry), clock: clock, logger: logger)
        turn = try await takeTurn(change, lock, again, nil, summary)
      } catch let removed as RemovedSnapshot {
        throw removed.error
      } catch {
        throw UnconfirmedSnapshot(saved: saved, ours: ours.id, known: turn.known, cause: error)
      }
      if case .saved = turn.result { result = turn.result }
      refusal = turn.refusal ?? refusal
    }
    if let refusal { throw refusal }
    return result
  }

  /// The change to save.
  struct Change {
    var ours: DurableTree
    var base: CommitBase.Shown
    /// The snapshots before the first turn, if this is not the first.
    var known: Set<SnapshotID>?
    /// Whether `base` is a snapshot of `ours`, saved in the turn before.
    var isSaved = false
    /// Snapshots that earlier commits have sent and that may be stored.
    var sent: [SentSnapshot] = []
    /// The tree of the mount, which `ours` holds.
    var mounted: BlobID
    /// The merge in `base`, if that is a snapshot of this change.
    var earlier: CommitResult.Merge?

    /// `merge` together with earlier merges.
    func all(_ merge: CommitResult.Merge?) -> CommitResult.Merge? {
      guard var all = merge ?? earlier.map({ _ in CommitResult.Merge(conflicts: [], ours: mounted) }) else {
        return nil
      }
      all.follow(earlier, ours: mounted)
      return all
    }
  }

  /// The result of one turn with the commit lock.
  struct Turn {
    var result: CommitResult
    /// The tree of the snapshot that was saved, if one was.
    var saved: DurableTree?
    /// The snapshot that was sent, if one was.
    var sent: SentSnapshot?
    /// The snapshots before the first turn.
    var known: Set<SnapshotID>
    /// Why the lock may have been lost before the snapshot was stored.
    var loss: (any Error)?
    /// Conflicts that had to be saved nevertheless.
    var refusal: RefusedMerge?
  }

  /// This client's snapshot is neither stored nor part of the newest one.
  struct RemovedSnapshot: Error {
    let error: RepositoryError
  }

  private func takeTurn(
    _ change: Change, _ lock: RepositoryLock, _ reservation: CommitReservation, _ early: EarlyLook?,
    _ summary: SnapshotSummary
  ) async throws -> Turn {
    let commitLock = try await reservation.lock()
    let found = await early?.found(under: commitLock)
    // Saving needs this check, which runs beside listing others' snapshots.
    repository.anticipateStoring()
    let confirmation = found?.confirmation ?? LockConfirmation(of: lock, commitLock, on: repository)
    let result: Result<Turn, any Error>
    do {
      var turn = try await save(change, found, summary) {
        try await confirmation.confirm()
        if !change.isSaved { try willSave() }
      }
      if turn.saved != nil {
        let sent = turn.sent
        async let identity: Void = confirmIdentity(after: sent)
        do {
          try await commitLock.confirm()
        } catch {
          turn.loss = error
        }
        try await identity
      }
      result = .success(turn)
    } catch {
      result = .failure(error)
    }
    returned.take(commitLock, logger)
    return try result.get()
  }
}
