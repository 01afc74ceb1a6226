import CLinux
import Logging
import ResticCore
import SystemPackage

/// Commits: freezes the tree, stores it, and saves the snapshot, one commit at a time.
///
/// The order is what keeps a repository whole: lock, freeze, packs, indexes (`DurableTree`), then under the commit lock
/// compare, merge and save (`SnapshotSaver`). Whatever fails before the snapshot leaves the tree changed and the repository as it was; the next
/// commit finds the blobs stored already.
///
/// Lock order: `state` is a leaf lock. `gate` is held for a whole commit. The other files of this folder with its name extend it.
final class CommitCoordinator: Sendable {
  /// What the commit is for.
  enum Purpose: Sendable {
    /// The mount goes on, and shows what others have saved as well.
    case sync
    /// The mount is gone.
    case unmount
  }

  let tree: WorkingTree
  let files: FileReader
  /// Nil where one snapshot is shown for good.
  let filter: SnapshotFilter?
  let identity: SnapshotIdentity
  let lockKeeper: LockKeeper
  let streamer: ContentStreamer
  let kernelCache: KernelCache
  /// Whether the mount ends with the program that it is for (`MountConfiguration`).
  let isForOneProgram: Bool
  /// Which snapshots are forgotten after a commit; nil: none.
  let retention: SnapshotRetention?
  let retentionRun = RetentionRun()
  /// Notices that the storage shows an older state than before; nil: nobody looks.
  let rollbackWatch: RollbackWatch?
  let clock: LockClock
  let logger: Logger
  let gate = AsyncGate()
  let state: Locked<CommitState>

  /// With less than this in memory the commit lock is taken while the contents are stored.
  private static let smallByteCount: UInt64 = 16 << 20
  /// How long others wait for a commit that was expected and does not come.
  private static let reservationLimit = Duration.seconds(2)
  /// How long `discard` waits for a cancelled commit to give back what it holds.
  private static let discardLimit = Duration.seconds(5)

  var repository: Repository { files.repository }

  /// Commits the tree of `files`, whose changes count from `base`; `ahead` and `rollback` are what was found when
  /// `base` was chosen.
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
    // The next commit merges with what a prune may not take until then.
    lockKeeper.keep { [weak self] in self?.current.isInDoubt ?? false }
    lockKeeper.keep { [retentionRun] in retentionRun.isUnderWay }
  }

  /// Where the mount stands now.
  var current: CommitState { state.withLock { $0 } }

  /// Notes that the tree changed; the first change after a commit takes the repository's lock in the background, and for a
  /// program that waits for its commits the commit lock as well.
  func noteChange() {
    guard tree.read({ $0.isChanged }) else { return }  // what has no name any more is in no snapshot
    guard state.withLock({ $0.noteChange() }) else { return }
    Task { [lockKeeper, logger] in
      do {
        // A commit may have saved the change before this begins: then the lock is not needed any more.
        try await lockKeeper.holding(isConfirmed: false) { _ in }
      } catch RepositoryError.cancelled {
        // The mount ends.
      } catch {
        logger.warning("no lock yet: \(error); the commit tries again")
      }
    }
    if isForOneProgram { reserve() }
  }

  /// Begins to take the commit lock: a small push is written and committed in less time than that takes. Where no commit
  /// comes soon others can have it.
  private func reserve() {
    guard filter != nil else { return }
    let isNotNeeded = state.withLock { state in
      // One that is there, or a commit under way, which takes its own, is not to be disturbed.
      guard !state.isDiscarded, state.reservation == nil, state.task == nil else { return true }
      state.reservation = makeReservation()
      return false
    }
    if isNotNeeded { return }
    Task {
      try? await Task.sleep(for: Self.reservationLimit)  // it is not cancelled
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

  /// Commits everything written so far. After a failure the tree is as changed as before.
  ///
  /// Once begun it goes on when the caller's task is cancelled. Throws `.cancelled` where that happens while another commit is
  /// waited for.
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
          // A commit of many files leaves holes all over the heap. Nobody has to wait until they are given back.
          Task {
            BufferPool.shared.trim()
            malloc_trim(0)
          }
        }
        let result = try await task.value
        state.withLock { $0.noteEnd(result, after: begin.duration(to: .now)) }
        return result
      } catch {
        // The program asks why.
        logger.log(level: isForOneProgram ? .info : .error, "commit failed: \(error)")
        state.withLock { $0.noteFailure(error, at: .now()) }
        throw error
      }
    }
  }

  /// Drops what is not committed: no snapshot is saved from now on, and locks are given back. A snapshot that is being
  /// saved at this moment is waited for; a commit that is not that far is cancelled, and waited for a while.
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
      try? await Task.sleep(for: .milliseconds(5))  // it is not cancelled: this is the end of the process
    }
    await lockKeeper.end()
  }

  /// The point of no return: from now on `discard` waits for the commit. Throws if it was called before.
  func beginSaving() throws(RepositoryError) {
    let isDiscarded = state.withLock { state in
      state.isSaving = !state.isDiscarded
      return state.isDiscarded
    }
    if isDiscarded { throw .cancelled }
  }

  private func commitAlone(_ purpose: Purpose) async throws -> CommitResult {
    // At an unmount the kernel has handed on everything.
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
      // Somebody removed the lock by force, and may have pruned. Under a new lock everything is looked at again.
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

  /// Stores and saves what is changed, once. `reserved` ends with it.
  private func attempt(_ filter: SnapshotFilter, _ reserved: CommitReservation?) async throws -> CommitResult {
    retentionRun.cancel()
    repository.anticipateStoring()
    let returned = ReturnedLocks()
    // While little is stored others can wait.
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
      // It has begun when the snapshot was there: the repository's lock was given back at the same time.
      await returned.wait()
      return result
    } catch {
      await reservation?.giveUp()
      await returned.wait()
      throw error
    }
  }

  /// Whether a look for something newer can wait for the next one: a commit has saved what the mount shows, and saw nothing newer
  /// in the same moment. Where a look costs nothing it is made.
  private func showsNewest(_ result: CommitResult) -> Bool {
    guard repository.backend.isDistant, case .saved(_, nil) = result else { return false }
    let now = current
    return now.base.newer == nil && now.refreshError == nil
  }

  /// After a commit: clean, and without a lock, unless something was written meanwhile.
  private func becomeClean() async {
    state.withLock { $0.noteClean() }
    noteChange()
    await lockKeeper.releaseUnlessNeeded()
  }
}
