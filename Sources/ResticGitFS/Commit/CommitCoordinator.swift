import FuseBridge
import Logging
import ResticCore
import SystemPackage

/// Commits: freezes the tree, stores it, and saves the snapshot, one commit at a time.
///
/// The order is what keeps a repository whole: lock, freeze, packs, indexes (`DurableTree`), check of the base and of the
/// lock, snapshot. Whatever fails before the snapshot leaves the tree changed and the repository as it was; the next
/// commit finds the blobs stored already.
///
/// Lock order: `state` is a leaf lock. `gate` is held for a whole commit.
final class CommitCoordinator: Sendable {
  /// What the commit is for: that decides what happens when the base has moved.
  enum Purpose: Sendable {
    /// The mount goes on: the commit fails, and nothing is lost.
    case sync
    /// The mount is gone: what it held is saved as a snapshot tagged `conflict`.
    case unmount
  }

  private let tree: WorkingTree
  /// Nil where one snapshot is shown for good.
  private let filter: SnapshotFilter?
  private let identity: SnapshotIdentity
  private let lockKeeper: LockKeeper
  private let streamer: ContentStreamer
  private let kernelCache: KernelCache
  private let logger: Logger
  private let gate = AsyncGate()
  private let state: Locked<CommitState>

  private var repository: Repository { tree.repository }

  /// Commits `tree`, whose changes count from `base`.
  init(
    tree: WorkingTree, base: SavedSnapshot?, filter: SnapshotFilter?, identity: SnapshotIdentity, lockKeeper: LockKeeper,
    streamer: ContentStreamer, kernelCache: KernelCache, logger: Logger
  ) {
    self.tree = tree
    self.filter = filter
    self.identity = identity
    self.lockKeeper = lockKeeper
    self.streamer = streamer
    self.kernelCache = kernelCache
    self.logger = logger
    state = Locked(CommitState(base: CommitState.Base(base)))
  }

  /// Where the mount stands now.
  var current: CommitState { state.withLock { $0 } }

  /// Notes that the tree changed; the first change after a commit takes the repository's lock in the background.
  func noteChange() {
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
      } catch {
        logger.warning("no lock yet: \(error); the commit tries again")
      }
    }
  }

  /// Commits everything written so far. After a failure the tree is as changed as before.
  func commit(_ purpose: Purpose) async throws -> CommitResult {
    try await gate.pass { () async throws -> CommitResult in
      do {
        let result = try await commitAlone(purpose)
        state.withLock { $0.lastError = nil }
        return result
      } catch {
        logger.error("commit failed: \(error)")
        state.withLock { state in
          state.lastError = (error, .now())
          state.phase = .dirty
          state.progress = nil
        }
        throw error
      }
    }
  }

  private func commitAlone(_ purpose: Purpose) async throws -> CommitResult {
    guard tree.inspect({ $0.isChanged }) else {
      await becomeClean()
      if purpose == .sync { _ = try await refreshAlone() }
      return .unchanged(current.base.snapshot?.id)
    }
    state.withLock { $0.phase = purpose == .unmount ? .unmounting : .committing }
    let lock = try await lockKeeper.acquire()
    let begin = Timestamp.now()
    let frozen = tree.inspect { $0.freeze() }
    let progress = CommitProgress(fileCount: frozen.changedFileCount, byteCount: frozen.changedByteCount)
    state.withLock { $0.progress = progress }
    let uploader = await streamer.takeUploader()
    let files = FileUploader(uploader: uploader, reader: tree.reader, progress: progress)
    let (durable, stored) = try await SnapshotWriter(files: files, uploader: uploader, progress: progress).store(frozen)

    let base = current.base
    let snapshots = try await repository.snapshots()
    let filter = filter ?? SnapshotFilter()
    let newest = snapshots.last { filter.matches($0.snapshot) }
    let result: CommitResult
    if durable.id == base.tree, newest?.snapshot.tree == base.tree {
      result = .unchanged(base.snapshot?.id)
    } else {
      if base.tree != nil, !snapshots.contains(where: { $0.snapshot.tree == base.tree }) {
        try await TreeVerifier(repository: repository).verify(durable.id)
      }
      let description = SnapshotDescription(base: base.snapshot, filter: filter, identity: identity)
      let summary = SnapshotSummary(of: uploader.statistics, frozen, begin: begin, end: .now())
      try lock.validate()
      if let newest, newest.snapshot.tree != base.tree {
        guard purpose == .unmount else { throw RepositoryError.baseMoved(newest: newest.id) }
        let conflict = description.conflict(
          durable.id, before: newest, at: .now(), summary: summary)
        result = .conflict(try await repository.saveSnapshot(conflict, of: durable).id, newest: newest.id)
      } else {
        let saved = try await repository.saveSnapshot(description.successor(durable.id, at: .now(), summary: summary), of: durable)
        state.withLock { $0.base = CommitState.Base(saved) }
        result = .saved(saved.id)
      }
    }
    tree.inspect { $0.settle(stored, of: frozen) }
    streamer.noteCommit()
    state.withLock { $0.lastCommit = (result, .now()) }
    await becomeClean()
    return result
  }

  /// Shows the newest matching snapshot, if nothing is changed and it isn't shown already; says whether it was another.
  @discardableResult
  func refresh() async throws -> Bool {
    try await gate.pass { () async throws -> Bool in try await refreshAlone() }
  }

  private func refreshAlone() async throws -> Bool {
    guard let filter, !tree.inspect({ $0.isChanged }) else { return false }
    guard let newest = try await repository.latestSnapshot(matching: filter) else { return false }
    guard newest.snapshot.tree != current.base.tree else {
      state.withLock { $0.base = CommitState.Base(newest) }
      return false
    }
    try await repository.loadIndex()
    guard let invalidations = try await Refresher(tree: tree).refresh(to: newest.snapshot.tree) else { return false }
    state.withLock { $0.base = CommitState.Base(newest) }
    await kernelCache.forget(invalidations)
    logger.info("now showing snapshot \(newest.id.short)")
    return true
  }

  /// After a commit: clean, and without a lock, unless something was written meanwhile.
  private func becomeClean() async {
    state.withLock { state in
      state.progress = nil
      state.phase = .clean
    }
    if tree.inspect({ $0.isChanged }) { noteChange() }
    await lockKeeper.release(unless: { [tree] in tree.inspect { $0.isChanged } })
  }
}
