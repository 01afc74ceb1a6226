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
/// Lock order: `state` is a leaf lock. `gate` is held for a whole commit.
final class CommitCoordinator: Sendable {
  /// What the commit is for.
  enum Purpose: Sendable {
    /// The mount goes on, and shows what others have saved as well.
    case sync
    /// The mount is gone.
    case unmount
  }

  private let tree: WorkingTree
  private let files: FileReader
  /// Nil where one snapshot is shown for good.
  private let filter: SnapshotFilter?
  private let identity: SnapshotIdentity
  private let lockKeeper: LockKeeper
  private let streamer: ContentStreamer
  private let kernelCache: KernelCache
  /// Whether the mount ends with the program that it is for (`MountConfiguration`).
  private let isForOneProgram: Bool
  private let clock: LockClock
  private let logger: Logger
  private let gate = AsyncGate()
  private let state: Locked<CommitState>

  /// With less than this in memory the commit lock is taken while the contents are stored.
  private static let smallByteCount: UInt64 = 16 << 20
  /// How long others wait for a commit that was expected and does not come.
  private static let reservationLimit = Duration.seconds(2)
  /// How long `discard` waits for a cancelled commit to give back what it holds.
  private static let discardLimit = Duration.seconds(5)

  private var repository: Repository { files.repository }

  /// Commits the tree of `files`, whose changes count from `base`; `ahead` is what was found when `base` was chosen.
  init(
    files: FileReader, base: SavedSnapshot?, ahead: SnapshotAhead? = nil, filter: SnapshotFilter?,
    identity: SnapshotIdentity,
    lockKeeper: LockKeeper,
    streamer: ContentStreamer, kernelCache: KernelCache, isForOneProgram: Bool = false,
    clock: LockClock = .system, logger: Logger
  ) {
    tree = files.tree
    self.files = files
    self.filter = filter
    self.identity = identity
    self.lockKeeper = lockKeeper
    self.streamer = streamer
    self.kernelCache = kernelCache
    self.isForOneProgram = isForOneProgram
    self.clock = clock
    self.logger = logger
    var state = CommitState(base: CommitState.Base(base))
    state.ahead = ahead
    self.state = Locked(state)
  }

  /// Where the mount stands now.
  var current: CommitState { state.withLock { $0 } }

  /// Notes that the tree changed; the first change after a commit takes the repository's lock in the background, and for a
  /// program that waits for its commits the commit lock as well.
  func noteChange() {
    guard tree.read({ $0.isChanged }) else { return }  // what has no name any more is in no snapshot
    let isFirst = state.withLock { state in
      state.lastChange = .now
      guard state.phase == .clean else { return false }
      state.phase = .dirty
      return true
    }
    guard isFirst else { return }
    Task { [lockKeeper, logger] in
      do {
        _ = try await lockKeeper.acquire()
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

  private func makeReservation() -> CommitReservation {
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
        state.withLock { $0.lastError = nil }
        return result
      } catch {
        // The program asks why.
        logger.log(level: isForOneProgram ? .info : .error, "commit failed: \(error)")
        state.withLock { state in
          state.lastError = (error, .now())
          state.phase = .dirty
          state.progress = nil
        }
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
    await lockKeeper.cancel()
    await takeReservation()?.giveUp()
    let end = ContinuousClock.now.advanced(by: Self.discardLimit)
    while state.withLock({ $0.isSaving || $0.task != nil && .now < end }) {
      try? await Task.sleep(for: .milliseconds(5))  // it is not cancelled: this is the end of the process
    }
    await lockKeeper.release(unless: { false })
  }

  /// The point of no return: from now on `discard` waits for the commit. Throws if it was called before.
  private func beginSaving() throws(RepositoryError) {
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
      return .unchanged(current.base.snapshot?.id)
    }
    if purpose == .unmount { state.withLock { $0.phase = .unmounting } }
    // While little is stored others can wait.
    let isSmall = tree.read { $0.bufferedByteCount } < Self.smallByteCount
    if !isSmall { await reserved?.giveUp() }
    let reservation = isSmall ? reserved ?? makeReservation() : nil
    let result: CommitResult
    do {
      result = try await store(filter, reservation)
    } catch {
      await reservation?.giveUp()
      throw error
    }
    if let message = result.message { logger.notice("\(message)") }
    for conflict in result.openConflicts { logger.info("conflict: \(conflict)") }
    await becomeClean()
    if purpose == .sync { await showNewest() }
    return result
  }

  /// Stores what is changed and saves it as a snapshot, under the commit lock that was reserved or is taken then.
  private func store(_ filter: SnapshotFilter, _ reservation: CommitReservation?) async throws -> CommitResult {
    let lock = try await lockKeeper.acquireConfirmed()
    let (begin, start) = (Timestamp.now(), ContinuousClock.now)
    if !isForOneProgram { await adoptHead() }
    let frozen = tree.bookkeep { $0.freezeForCommit() }
    defer {
      tree.bookkeep { $0.thaw() }
      streamer.noteCommitEnd()
    }
    let progress = CommitProgress(fileCount: frozen.changedFileCount, byteCount: frozen.changedByteCount)
    state.withLock { state in
      if state.phase != .unmounting { state.phase = .committing }
      state.progress = progress
    }
    let (uploader, pending) = await streamer.takeUploader()
    let files = FileUploader(uploader: uploader, pending: pending, reader: files.blobs, progress: progress)
    let (durable, stored) = try await SnapshotWriter(files: files, uploader: uploader, progress: progress).store(frozen)

    let saver = SnapshotSaver(
      repository: repository, filter: filter, identity: identity, retryFor: lockKeeper.retryFor,
      refusesConflicts: isForOneProgram, clock: clock, logger: logger,
      rebase: { [repository] theirs in
        let uploader = repository.makeUploader()
        return try await SnapshotWriter(files: files, uploader: uploader, progress: progress)
          .store(frozen, stored.files, onto: theirs)
      },
      willSend: { [self] sent in state.withLock { $0.sent.append(sent) } },
      didSave: { [self] sent in state.withLock { $0.sent.removeAll { $0.saved.id == sent.saved.id } } },
      willSave: { [self] () throws(RepositoryError) in try beginSaving() })
    let summary = SnapshotSummary(of: uploader.statistics, frozen, begin: begin, end: .now())
    let (base, unconfirmed, sent) = state.withLock { ($0.base, $0.unconfirmed, $0.sent) }
    let result: CommitResult
    do {
      if durable.id == base.tree, unconfirmed == nil, sent.isEmpty {
        await reservation?.giveUp()
        result = .unchanged(base.snapshot?.id)
      } else {
        result = try await saver.save(
          durable, base: base, known: unconfirmed, sent: sent, lock: lock,
          reservation: reservation ?? makeReservation(), summary: summary)
      }
    } catch let error as UnconfirmedSnapshot {
      // It counts as the base; the next commit looks whether the newest contains it.
      tree.bookkeep { $0.settle(stored, of: frozen) }
      streamer.noteCommit()
      state.withLock { state in
        state.base = CommitState.Base(error.saved)
        state.base.tree = error.ours
        state.unconfirmed = error.known
        // What was sent before this one is in it; what was sent after it is not known to be there.
        state.sent.removeAll { $0.saved.snapshot.time < error.saved.snapshot.time }
      }
      throw error
    }
    tree.bookkeep { $0.settle(stored, of: frozen) }
    streamer.noteCommit()
    state.withLock { state in
      state.unconfirmed = nil
      state.sent = []
      if case .saved(let saved, let merge) = result {
        state.ahead = SnapshotAhead(saved, after: state.ahead, at: clock.wallTime())
        state.base = CommitState.Base(saved)
        state.newer = nil
        // The mount shows our side still; the refresh that follows shows the merged tree.
        if let merge {
          state.base.tree = merge.ours
          state.newer = saved
        }
      }
      state.lastCommit = (result, .now())
    }
    if case .saved(let saved, _) = result {
      logger.info(
        "saved snapshot \(saved.id.short): \(frozen.changedFileCount) files, \(frozen.changedByteCount) bytes, \(start.duration(to: .now))"
      )
    }
    return result
  }

  /// Makes `HEAD` of a new repository name the first branch that was pushed.
  private func adoptHead() async {
    do {
      guard let changed = try await UnbornHead(files: files).adopt(at: .now()) else { return }
      kernelCache.forget(changed) { _ in }
    } catch {
      logger.warning("HEAD stays as it is: \(error)")
    }
  }

  /// After a commit: what was written is saved, whether or not the newest can be shown.
  private func showNewest() async {
    guard !isForOneProgram else { return }
    do {
      try await refreshAlone()
    } catch {
      logger.warning("saved, but what others saved can't be shown: \(error)")
    }
  }

  /// Looks for the newest matching snapshot, and shows it if nothing is changed and it isn't shown already; says whether
  /// it was another. Where it can't be shown now, `CommitState.newer` is set.
  @discardableResult
  func refresh() async throws -> Bool {
    try await gate.pass { () async throws -> Bool in try await refreshAlone() != nil }
  }

  /// For a program that comes back to its mount: looks for a newer snapshot, and says whether the mount now shows what a new
  /// one would, without changes, and the kernel knows. Waits for the kernel: not for an fsync of the root (`KernelCache`).
  func catchUp() async throws -> Bool {
    let forgetting = try await gate.pass { () async throws -> AsyncStream<Bool>? in try await refreshAlone() }
    if let forgetting {
      for await hasForgotten in forgetting where !hasForgotten { return false }
    }
    guard let filter, let newest = try await repository.latestSnapshot(matching: filter) else { return false }
    let isChanged = tree.read { $0.isChanged }
    return state.withLock { state in
      !isChanged && state.phase == .clean && state.lastError == nil && state.newer == nil
        && state.base.snapshot?.id == newest.id
    }
  }

  /// Nil if nothing else is shown than before; else it says, and then ends, whether the kernel has forgotten that. `status`
  /// tells why it failed until it succeeds again.
  @discardableResult
  private func refreshAlone() async throws -> AsyncStream<Bool>? {
    guard let filter else { return nil }
    do {
      let forgetting = try await follow(filter)
      state.withLock { $0.refreshError = nil }
      return forgetting
    } catch {
      state.withLock { $0.refreshError = (error, .now()) }
      throw error
    }
  }

  private func follow(_ filter: SnapshotFilter) async throws -> AsyncStream<Bool>? {
    let (base, isInDoubt, sent) = state.withLock { ($0.base, $0.isInDoubt, $0.sent) }
    let description = SnapshotDescription(base: base.snapshot, filter: filter, identity: identity)
    // What another repository lists says nothing of what ours has.
    try await repository.confirmIdentity()
    let list = try await repository.snapshotList()
    let ahead = SnapshotAhead(among: list.snapshots.filter { filter.matches($0.snapshot) }, at: clock.wallTime())
    state.withLock { $0.ahead = ahead }
    guard let newest = try list.newest(where: description.covers) else { return nil }
    let isChanged = tree.read { $0.isChanged }
    let isShown = newest.snapshot.tree == base.tree
    let isOurs = isShown || sent.contains { $0.saved.id == newest.id }
    state.withLock { $0.newer = isOurs ? nil : newest }
    // The newest may not hold what the mount shows, until the next commit has looked.
    if isChanged || isInDoubt { return nil }
    if isShown {
      state.withLock { $0.base = CommitState.Base(newest) }
      return nil
    }
    try await repository.loadIndex()
    guard let invalidations = try await Refresher(tree: tree, repository: repository).refresh(to: newest.snapshot.tree)
    else { return nil }
    state.withLock { state in
      state.base = CommitState.Base(newest)
      state.newer = nil
    }
    let (forgetting, continuation) = AsyncStream.makeStream(of: Bool.self)
    kernelCache.forget(invalidations) { [tree] hasForgotten in
      if hasForgotten { tree.bookkeep { $0.announceRefresh() } }
      continuation.yield(hasForgotten)
      if hasForgotten { continuation.finish() }
    }
    logger.info("now showing snapshot \(newest.id.short)")
    return forgetting
  }

  /// After a commit: clean, and without a lock, unless something was written meanwhile.
  private func becomeClean() async {
    state.withLock { state in
      state.progress = nil
      state.phase = .clean
    }
    noteChange()
    await lockKeeper.release(unless: { [tree, streamer] in tree.read { $0.isChanged } || streamer.needsLock() })
  }
}
