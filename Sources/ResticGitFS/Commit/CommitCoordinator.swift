import CLinux
import Logging
import ResticCore
import SystemPackage

/// Commits: freezes the tree, stores it, and saves the snapshot, one commit at a time.
///
/// The order keeps the repository consistent: lock, freeze, packs, indexes (`DurableTree`), then compare, merge and
/// save under the commit lock (`SnapshotSaver`). Any failure before the snapshot leaves the tree changed and the
/// repository as it was; the next commit finds the blobs already stored.
///
/// Lock order: `state` is a leaf lock. `gate` is held during a whole commit. The other files of this folder with its
/// name extend it.
final class CommitCoordinator: Sendable {
  /// The purpose of a commit.
  enum Purpose: Sendable {
    /// The mount goes on, and also shows others' snapshots.
    case sync
    /// The mount is gone.
    case unmount
  }

  let tree: WorkingTree
  let files: FileReader
  /// Nil if one fixed snapshot is shown.
  let filter: SnapshotFilter?
  let identity: SnapshotIdentity
  let lockKeeper: LockKeeper
  let streamer: ContentStreamer
  let kernelCache: KernelCache
  /// Whether the mount ends with the program for which it was made (`MountConfiguration`).
  let isForOneProgram: Bool
  /// Which snapshots are forgotten after a commit; nil: none.
  let retention: SnapshotRetention?
  let retentionRun = RetentionRun()
  /// Detects that the storage shows an older state than before; nil: not checked.
  let rollbackWatch: RollbackWatch?
  let clock: LockClock
  let logger: Logger
  let gate = AsyncGate()
  let state: Locked<CommitState>

  /// If less than this is in memory, the commit lock is taken while the contents are being stored.
  private static let smallByteCount: UInt64 = 16 << 20
  /// How long others wait for an expected commit that does not come.
  private static let reservationLimit = Duration.seconds(2)
  /// How long `discard` waits for a cancelled commit to release its locks.
  private static let discardLimit = Duration.seconds(5)

  var repository: Repository { files.repository }

  /// Commits the tree of `files`, whose changes are counted from `base`; `ahead` and `rollback` were found when `base`
  /// was chosen.
  init(
    files: FileReader, base: SavedSnapshot?, ahead: SnapshotAhead? = nil, rollback: Rollback? = nil,
    filter: SnapshotFilter?,
    identity: SnapshotIdentity,
    lockKeeper: LockKeeper,
    streamer: ContentStreamer, kernelCache: KernelCache, isForOneProgram: Bool = false,
    retention: SnapshotRetention? = nil, rollbackWatch: RollbackWatch? = nil, clock: LockClock = .system, logger: Logger
  ) {
    tree = files.tree
    self.files = files
    self.filter = filter
    self.identity = identity
    self.lockKeeper = lockKeeper
    self.streamer = streamer
    self.kernelCache = kernelCache
    self.isForOneProgram = isForOneProgram
    self.retention = retention
    self.rollbackWatch = rollbackWatch
    self.clock = clock
    self.logger = logger
    state = Locked(CommitState(base: base, ahead: ahead, rollback: rollback))
    lockKeeper.keep { [tree] in tree.read { $0.isChanged } }
    // The next commit merges with a snapshot that a prune may not remove until then.
    lockKeeper.keep { [weak self] in self?.current.isInDoubt ?? false }
    lockKeeper.keep { [retentionRun] in retentionRun.isUnderWay }
  }

  /// The current state of the mount.
  var current: CommitState { state.withLock { $0 } }

  /// Records a change of the tree. The first change after a commit takes the repository's lock in the background, and
  /// for a program that waits for its commits also the commit lock.
  func noteChange() {
    guard tree.read({ $0.isChanged }) else { return }  // what has no name any more is in no snapshot
    guard state.withLock({ $0.noteChange() }) else { return }
    Task { [lockKeeper, logger] in
      do {
        // If a commit has saved the change before this begins, the lock is no longer needed.
        try await lockKeeper.holding(isConfirmed: false) { _ in }
      } catch RepositoryError.cancelled {
        // The mount ends.
      } catch {
        logger.warning("no lock yet: \(error); the commit tries again")
      }
    }
    if isForOneProgram { reserve() }
  }

  /// Begins to take the commit lock: writing and committing a small push takes less time than taking the lock. If no
  /// commit follows soon, the lock is released for others.
  private func reserve() {
    guard filter != nil else { return }
    let isNotNeeded = state.withLock { state in
      // An existing reservation, or a running commit, which takes its own lock, must not be disturbed.
      guard !state.isDiscarded, state.reservation == nil, state.task == nil else { return true }
      state.reservation = makeReservation()
      return false
    }
    if isNotNeeded { return }
    Task {
      try? await Task.sleep(for: Self.reservationLimit)  // never cancelled
      await takeReservation()?.giveUp()
    }
  }

  private func takeReservation() -> CommitReservation? {
    state.withLock { state in
      defer { state.reservation = nil }
      return state.reservation
    }
  }

  func makeReservation() -> CommitReservation {
    CommitReservation(
      of: repository, retryFor: max(lockKeeper.retryFor, CommitReservation.leastRetry), clock: clock, logger: logger)
  }

  /// Commits everything written so far. After a failure the tree is still changed.
  ///
  /// A commit that has begun goes on if the caller's task is cancelled. Throws `.cancelled` if that happens while it
  /// waits for another commit.
  func commit(_ purpose: Purpose) async throws -> CommitResult {
    try await gate.pass { () async throws -> CommitResult in
      if Task.isCancelled { throw RepositoryError.cancelled }
      let begin = ContinuousClock.now
      do {
        let task = Task { try await commitAlone(purpose) }
        state.withLock { state in
          state.task = task
          if state.isDiscarded { task.cancel() }
        }
        defer {
          state.withLock { state in
            state.task = nil
            state.isSaving = false
          }
          // A commit of many files leaves holes all over the heap. They are returned to the system in the background.
          Task {
            BufferPool.shared.trim()
            malloc_trim(0)
          }
        }
        let result = try await task.value
        state.withLock { $0.noteEnd(result, after: begin.duration(to: .now)) }
        return result
      } catch {
        // The program itself asks for the reason.
        logger.log(level: isForOneProgram ? .info : .error, "commit failed: \(error)")
        state.withLock { $0.noteFailure(error, at: .now()) }
        throw error
      }
    }
  }

  /// Drops uncommitted changes: no snapshot is saved from now on, and locks are released. Waits for a snapshot that is
  /// being saved at this moment; a commit that is not that far is cancelled, and waited for a while.
  func discard() async {
    state.withLock { state in
      state.isDiscarded = true
      if !state.isSaving { state.task?.cancel() }
    }
    await retentionRun.end(within: isForOneProgram ? Self.retentionEndLimit : .zero)
    await lockKeeper.cancel()
    await takeReservation()?.giveUp()
    let end = ContinuousClock.now.advanced(by: Self.discardLimit)
    while state.withLock({ $0.isSaving || $0.task != nil && .now < end }) {
      try? await Task.sleep(for: .milliseconds(5))  // never cancelled: the process is about to end
    }
    await lockKeeper.end()
  }

  /// The point of no return: from now on `discard` waits for the commit. Throws if `discard` was called before.
  func beginSaving() throws(RepositoryError) {
    let isDiscarded = state.withLock { state in
      state.isSaving = !state.isDiscarded
      return state.isDiscarded
    }
    if isDiscarded { throw .cancelled }
  }

  private func commitAlone(_ purpose: Purpose) async throws -> CommitResult {
    // At an unmount, the kernel has already handed over everything.
    if purpose == .sync { await kernelCache.writeBack(tree.read { Array($0.inodesOpenForWriting) }) }
    let reserved = takeReservation()
    guard let filter, tree.read({ $0.isChanged }) || current.isInDoubt else {
      await reserved?.giveUp()
      await becomeClean()
      if purpose == .sync { await showNewest() }
      return .unchanged(current.base.shown.snapshot?.id)
    }
    if purpose == .unmount { state.withLock { $0.beginUnmounting() } }
    let result: CommitResult
    do {
      result = try await attempt(filter, reserved)
    } catch RepositoryError.lockLost(let reason) where !state.withLock({ $0.isSaving }) {
      // Somebody removed the lock by force, and may have pruned. Start again under a new lock.
      logger.warning("\(reason); beginning again")
      result = try await attempt(filter, nil)
    }
    if let message = result.message { logger.notice("\(message)") }
    for conflict in result.openConflicts { logger.info("conflict: \(conflict)") }
    if purpose == .unmount { await retentionRun.end(within: Self.retentionEndLimit) }
    await becomeClean()
    if purpose == .sync, !showsNewest(result) { await showNewest() }
    return result
  }

  /// Stores and saves the changes, once. Consumes `reserved`.
  private func attempt(_ filter: SnapshotFilter, _ reserved: CommitReservation?) async throws -> CommitResult {
    retentionRun.cancel()
    repository.anticipateStoring()
    let returned = ReturnedLocks()
    // Others can wait while little is stored.
    let isSmall = tree.read { $0.bufferedByteCount } < Self.smallByteCount
    if !isSmall { await reserved?.giveUp() }
    let reservation = isSmall ? reserved ?? makeReservation() : nil
    do {
      let result = try await lockKeeper.holding(isConfirmed: true) { lock in
        let result = try await store(filter, lock, reservation, returning: returned)
        // While the lock is held.
        if case .saved = result { beginRetention() }
        return result
      }
      // Releasing began once the snapshot was stored: the repository's lock was released at the same time.
      await returned.wait()
      return result
    } catch {
      await reservation?.giveUp()
      await returned.wait()
      throw error
    }
  }

  /// Whether looking for newer snapshots can wait until the next look: a commit has saved what the mount shows, and has
  /// just seen nothing newer. If a look costs nothing, it is not postponed.
  private func showsNewest(_ result: CommitResult) -> Bool {
    guard repository.backend.isDistant, case .saved(_, nil) = result else { return false }
    let now = current
    return now.base.newer == nil && now.refreshError == nil
  }

  /// Call after a commit: clean, and without a lock, unless something was written meanwhile.
  private func becomeClean() async {
    state.withLock { $0.noteClean() }
    noteChange()
    await lockKeeper.releaseUnlessNeeded()
  }
}
