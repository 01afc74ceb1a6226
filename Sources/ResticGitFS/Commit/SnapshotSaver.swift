import Logging
import ProgramVersion
import ResticCore

/// Saves a stored tree as the newest snapshot: the compare and swap of a commit.
///
/// Under the commit lock, so that nobody else saves between the look and the saving: if the newest matching snapshot still
/// has the base's tree, ours follows it; else the two are merged (`TreeMerge`), and the merged tree does. Nothing is
/// overwritten that somebody else saved.
///
/// The lock is confirmed before the saving and once more after it. If it was lost in between, as happens to a process that
/// was stopped for minutes, somebody else may have saved a snapshot beside ours: then the lock is taken again, and what is
/// not in the newest snapshot is merged into it, until one is saved with the lock held all the time.
struct SnapshotSaver: Sendable {
  /// The mounted repository.
  let repository: Repository
  /// Which snapshots belong to the mount.
  let filter: SnapshotFilter
  /// Who commits.
  let identity: SnapshotIdentity
  /// How long to wait for another committer.
  let retryFor: Duration
  /// Whether a merge that leaves anything for somebody to look at is an error, `RefusedMerge`, and nothing is saved.
  let refusesConflicts: Bool
  /// The time of snapshots and locks.
  let clock: LockClock
  /// Told what a person may want to know.
  let logger: Logger
  /// Stores a base and our side for a merge with a tree, when the true base was forgotten and pruned.
  let rebase: @Sendable (_ theirs: BlobID) async throws -> (base: BlobID, ours: BlobID)
  /// Told of each snapshot before it is sent. Unless `didSave` follows, the next commit has to look for the snapshot.
  let willSend: @Sendable (SentSnapshot) -> Void
  /// Told of each snapshot that was sent and is saved.
  let didSave: @Sendable (SentSnapshot) -> Void
  /// Called at the last moment at which nothing has been saved; an error keeps it so.
  let willSave: @Sendable () throws(RepositoryError) -> Void

  /// How often the lock is taken again after it was lost.
  private static let longestLosingStreak = 3

  /// Saves `ours`, which grew out of `base`. `summary` says what the commit did; `reservation` ends with it. With `known`,
  /// `base` is an unconfirmed snapshot: others may have come beside it since only those were there. `sent` are snapshots of
  /// earlier commits, the oldest first: the last of them that is there takes the place of `base`.
  ///
  /// Throws before anything is saved, or `UnansweredSnapshot`, or `UnconfirmedSnapshot`; or `RefusedMerge`, when what was
  /// saved turned out to be beside somebody else's: then both are in the newest snapshot, theirs in place.
  func save(
    _ ours: DurableTree, base: CommitState.Base, known: Set<SnapshotID>? = nil, sent: [SentSnapshot] = [],
    lock: RepositoryLock, reservation: CommitReservation, summary: SnapshotSummary
  ) async throws -> CommitResult {
    let change = Change(ours: ours, base: base, known: known, sent: sent, mounted: ours.id)
    var turn = try await takeTurn(change, lock, reservation, summary)
    var result = turn.result
    var refusal: RefusedMerge?
    var losses = 0
    while let tree = turn.saved, let loss = turn.loss, case .saved(let saved, let merge) = result {
      logger.warning(
        "snapshot \(saved.id.short) is saved, but the commit lock was lost meanwhile: looking again: \(loss)")
      let change = Change(
        ours: tree, base: CommitState.Base(saved), known: turn.known, isSaved: true, mounted: ours.id, earlier: merge)
      losses += 1
      do {
        guard losses <= Self.longestLosingStreak else { throw loss }
        let again = CommitReservation(
          of: repository, retryFor: max(retryFor, CommitReservation.leastRetry), clock: clock, logger: logger)
        turn = try await takeTurn(change, lock, again, summary)
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

  /// What is to be saved.
  private struct Change {
    var ours: DurableTree
    var base: CommitState.Base
    /// What was there before the first turn, if this is not it.
    var known: Set<SnapshotID>?
    /// Whether `base` is a snapshot of `ours`, saved in the turn before.
    var isSaved = false
    /// Snapshots that earlier commits have sent and that may be there.
    var sent: [SentSnapshot] = []
    /// The tree of the mount, which `ours` holds.
    var mounted: BlobID
    /// What was merged in `base`, if that is a snapshot of this change.
    var earlier: CommitResult.Merge?

    /// `merge` together with what was merged before.
    func all(_ merge: CommitResult.Merge?) -> CommitResult.Merge? {
      guard var all = merge ?? earlier.map({ _ in CommitResult.Merge(conflicts: [], ours: mounted) }) else {
        return nil
      }
      all.follow(earlier, ours: mounted)
      return all
    }
  }

  /// What one turn with the commit lock came to.
  private struct Turn {
    var result: CommitResult
    /// The tree of the snapshot that was saved, if one was.
    var saved: DurableTree?
    /// The snapshots that were there before the first turn.
    var known: Set<SnapshotID>
    /// Why the lock may have been lost before the snapshot was there.
    var loss: (any Error)?
    /// What had to be saved all the same.
    var refusal: RefusedMerge?
  }

  /// Our snapshot is neither there nor in the newest one.
  private struct RemovedSnapshot: Error {
    let error: RepositoryError
  }

  private func takeTurn(
    _ change: Change, _ lock: RepositoryLock, _ reservation: CommitReservation, _ summary: SnapshotSummary
  ) async throws -> Turn {
    let commitLock = try await reservation.lock()
    let result: Result<Turn, any Error>
    do {
      var turn = try await save(change, summary) {
        try await lock.confirm()
        try await commitLock.confirm()
        if !change.isSaved { try willSave() }
      }
      if turn.saved != nil {
        do {
          try await commitLock.confirm()
        } catch {
          turn.loss = error
        }
      }
      result = .success(turn)
    } catch {
      result = .failure(error)
    }
    await CommitReservation.release(commitLock, logger)
    return try result.get()
  }

  private func save(_ change: Change, _ summary: SnapshotSummary, confirm: () async throws -> Void) async throws -> Turn
  {
    var change = change
    var description = SnapshotDescription(base: change.base.snapshot, filter: filter, identity: identity)
    let matching = try await repository.snapshotList(rereadsDamaged: true).matching { filter.matches($0) }
    let snapshots = matching.filter { description.covers($0.snapshot) }
    let arrived = change.sent.last { $0.isListed(in: snapshots) }
    if let arrived {
      logger.info("snapshot \(arrived.saved.id.short), whose saving had failed, is there")
      change.base = CommitState.Base(arrived.saved)
      change.base.tree = arrived.ours
      change.earlier = arrived.merge
    }
    let (ours, base) = (change.ours, change.base)
    let newest = snapshots.last
    let listed = Set(snapshots.map(\.id))
    let known = change.known ?? listed
    let indexDamage = try await loadIndex()
    // Then a prune may have taken what our tree carries over from the base.
    let isForgotten = base.tree != nil && !snapshots.contains { $0.snapshot.tree == base.tree }
    if isForgotten, change.isSaved { try expect(base.snapshot, in: newest, among: snapshots) }
    var sides = Self.sides(besides: newest, among: snapshots, newcomers: listed.subtracting(known))
    if newest?.snapshot.tree != base.tree, newest?.snapshot.tree != ours.id, base.tree != ours.id {
      sides.append(Side(tree: ours.id, base: base.tree))
    }
    if let indexDamage {
      guard !isForgotten, newest == nil || sides.isEmpty else { throw indexDamage }
      logger.warning("saving although \(indexDamage)")
    }
    description.base = newest ?? base.snapshot
    // Those that were sent and are not there may arrive yet: ours holds what is in them.
    let missing = change.sent.map(\.saved).filter { !listed.contains($0.id) }
    description.earlier = (matching.last.map { [$0] } ?? []) + missing
    description.mergedParents = missing.map(\.id)
    // Before the lock is confirmed: a snapshot that arrives late is then the older one, too, and hides nothing.
    let now = clock.wallTime()
    guard let newest, !sides.isEmpty else {
      if let arrived, ours.id == base.tree || ours.id == newest?.snapshot.tree {
        try await confirm()
        try await keep(arrived, listed)
      }
      if let arrived, ours.id == base.tree {
        return Turn(result: .saved(arrived.saved, merge: change.all(nil)), known: known)
      }
      if ours.id == newest?.snapshot.tree || ours.id == base.tree {
        return Turn(result: .unchanged(newest?.id ?? base.snapshot?.id), known: known)
      }
      if isForgotten { try await TreeVerifier(repository: repository).verify(ours.id) }
      let sealed = try repository.seal(description.successor(ours.id, at: now, summary: summary), of: ours)
      try await confirm()
      let merge = change.all(nil)
      return Turn(
        result: .saved(try await send(sealed, of: change, merge), merge: merge), saved: ours, known: known)
    }

    logger.info("merging \(sides.count) into snapshot \(newest.id.short)")
    // Where the newest is our base, ours takes its place, and only snapshots that came late are merged into it.
    let start = newest.snapshot.tree == base.tree ? ours.id : newest.snapshot.tree
    let own = change.isSaved ? base.snapshot?.id : nil
    let (merged, result) = try await merge(sides, into: start, ours: ours.id, own: own)
    // Those of snapshots that came late are nobody's to refuse: refused again and again, they would never be merged.
    let refusal = refusesConflicts ? RefusedMerge(result.ownConflicts, with: newest.id) : nil
    if let refusal, !change.isSaved { throw refusal }
    if isForgotten {
      for tree in [merged.id] + (result.needsSnapshotOfOurs ? [ours.id] : []) {
        try await TreeVerifier(repository: repository).verify(tree)
      }
    }
    let conflict =
      result.needsSnapshotOfOurs
      ? try repository.seal(description.conflict(ours.id, before: newest, at: now, summary: summary), of: ours) : nil
    description.mergedParents += sides.compactMap(\.snapshot)
    let sealed =
      merged.id == newest.snapshot.tree
      ? nil : try repository.seal(description.successor(merged.id, at: now, summary: summary), of: merged)
    try await confirm()
    var merge = result
    if let conflict { merge.beside = try await deliver(conflict).id }
    let all = change.all(merge)
    guard let sealed else {
      if let arrived { try await keep(arrived, listed) }
      return Turn(result: .saved(newest, merge: all), known: known, refusal: refusal)
    }
    let saved = try await send(sealed, of: change, all)
    return Turn(result: .saved(saved, merge: all), saved: merged, known: known, refusal: refusal)
  }

  /// Saves the snapshot that is to be the newest.
  private func send(
    _ sealed: SealedSnapshot, of change: Change, _ merge: CommitResult.Merge?
  ) async throws -> SavedSnapshot {
    let sent = SentSnapshot(sealed: sealed, ours: change.mounted, merge: merge)
    willSend(sent)
    let saved = try await deliver(sealed)
    didSave(sent)
    return saved
  }

  /// Makes sure that `arrived`, whose saving had failed, stays: a snapshot that can be read may still be lost in a power cut.
  /// A snapshot that is not `listed` under its own name was tagged or rewritten by somebody who saved it anew.
  private func keep(_ arrived: SentSnapshot, _ listed: Set<SnapshotID>) async throws {
    if listed.contains(arrived.saved.id) { _ = try await deliver(arrived.sealed) }
  }

  /// Saves a snapshot. If that fails, the storage may have the snapshot all the same; but bytes that can be read back may be
  /// in memory only, so the snapshot counts as saved once the storage has accepted the same bytes again. Throws the failure
  /// where the snapshot is not there, and `UnansweredSnapshot` where that cannot be seen or the storage does not accept it.
  private func deliver(_ sealed: SealedSnapshot) async throws -> SavedSnapshot {
    do throws(RepositoryError) {
      return try await repository.save(sealed)
    } catch let failure {
      let isThere: Bool
      do throws(RepositoryError) {
        isThere = try await repository.isStored(sealed)
      } catch .otherRepository {
        throw failure
      } catch {
        throw UnansweredSnapshot(saved: sealed.saved, cause: failure)
      }
      guard isThere else { throw failure }
      do throws(RepositoryError) {
        try await repository.save(sealed)
      } catch {
        // The first failure is the one to tell.
        throw UnansweredSnapshot(saved: sealed.saved, cause: failure)
      }
      logger.warning("snapshot \(sealed.saved.id.short) is there, although saving it failed: \(failure)")
      return sealed.saved
    }
  }

  /// Loads what is new in the index. Returns the damage of an index file: a snapshot of ours that follows its base needs
  /// nothing that only such a file names, but a merge, and what has to be verified, may.
  private func loadIndex() async throws(RepositoryError) -> RepositoryError? {
    do throws(RepositoryError) {
      try await repository.loadIndex()
      return nil
    } catch .damaged(let message) {
      return .damaged(message)
    }
  }

  /// Throws `RemovedSnapshot` unless `newest` builds upon `saved`.
  private func expect(_ saved: SavedSnapshot?, in newest: SavedSnapshot?, among snapshots: [SavedSnapshot]) throws {
    guard let saved else { return }
    if let newest, SnapshotFork.builds(newest, upon: saved.id, among: snapshots) { return }
    throw RemovedSnapshot(
      error: .lockLost(
        "snapshot \(saved.id.short) was forgotten as soon as it was saved, while the commit lock was lost"))
  }

  /// A tree to merge into the newest, and what it grew out of.
  private struct Side {
    var tree: BlobID
    var base: BlobID?
    /// The snapshot that holds it, if it is one that came late.
    var snapshot: SnapshotID?
  }

  /// Snapshots of ours that the newest does not build upon, since whoever saved them was stopped for too long.
  private static func sides(
    besides newest: SavedSnapshot?, among snapshots: [SavedSnapshot], newcomers: Set<SnapshotID>
  ) -> [Side] {
    guard let newest else { return [] }
    let ours = snapshots.filter { saved in
      saved.snapshot.programVersion.hasPrefix(Version.program)
        && !saved.snapshot.tags.contains(SnapshotDescription.conflictTag)
    }
    return SnapshotFork.forks(among: ours, beside: newest, newcomers: newcomers).map { fork in
      let base = snapshots.first { $0.id == fork.base }
      return Side(tree: fork.head.snapshot.tree, base: base?.snapshot.tree, snapshot: fork.head.id)
    }
  }

  /// Merges `sides` one after the other. Ours are the conflicts of a side that is no snapshot yet, or is the snapshot `own`.
  private func merge(
    _ sides: [Side], into start: BlobID, ours: BlobID, own: SnapshotID?
  ) async throws -> (tree: DurableTree, result: CommitResult.Merge) {
    let label = ConflictLabel(host: identity.hostname, time: clock.wallTime())
    var result = CommitResult.Merge(conflicts: [], ours: ours)
    var tree = start
    while true {
      // An uploader makes one tree durable; the next merge reads it.
      let uploader = repository.makeUploader()
      let side = sides[result.sideCount]
      let treeMerge = TreeMerge(uploader: uploader, label: label)
      let merge: MergeResult
      do {
        merge = try await treeMerge.merge(base: side.base, theirs: tree, ours: side.tree)
      } catch RepositoryError.missingBlob(let blob, _) where side.snapshot == nil {
        logger.warning(
          "what was mounted has been pruned (blob \(blob)): what is changed here counts as changed by others, too")
        let (base, ours) = try await rebase(tree)
        merge = try await treeMerge.merge(base: base, theirs: tree, ours: ours)
      }
      let durable = try await uploader.finish(root: merge.root)
      tree = durable.id
      result.conflicts += merge.conflicts
      if side.snapshot == nil || side.snapshot == own { result.ownConflicts = merge.conflicts }
      result.needsSnapshotOfOurs = result.needsSnapshotOfOurs || merge.needsSnapshotOfOurs
      result.sideCount += 1
      if result.sideCount == sides.count { return (durable, result) }
    }
  }
}
