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
  private let filter: SnapshotFilter
  private let identity: SnapshotIdentity
  private let lockKeeper: LockKeeper
  private let streamer: ContentStreamer
  private let logger: Logger
  private let gate = AsyncGate()
  private let state: Locked<CommitState>

  private var repository: Repository { tree.repository }

  /// Commits `tree`, whose changes count from `base`.
  init(
    tree: WorkingTree, base: SavedSnapshot?, filter: SnapshotFilter, identity: SnapshotIdentity, lockKeeper: LockKeeper,
    streamer: ContentStreamer, logger: Logger
  ) {
    self.tree = tree
    self.filter = filter
    self.identity = identity
    self.lockKeeper = lockKeeper
    self.streamer = streamer
    self.logger = logger
    state = Locked(CommitState(base: base))
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

  /// Drops what is not committed: no snapshot is saved from now on, and the lock is given back. A snapshot that is being
  /// saved at this moment is waited for; a commit that is not that far fails.
  func discard() async {
    let isSaving = state.withLock { state in
      state.isDiscarded = true
      return state.isSaving
    }
    if isSaving { await gate.pass {} }
    await lockKeeper.abandon()
  }

  /// From now on `discard` waits for the commit. Throws if it was called before.
  private func beginSaving() throws(RepositoryError) {
    let isDiscarded = state.withLock { state in
      state.isSaving = !state.isDiscarded
      return state.isDiscarded
    }
    if isDiscarded { throw .cancelled }
  }

  private func commitAlone(_ purpose: Purpose) async throws -> CommitResult {
    guard tree.inspect({ $0.isChanged }) else {
      await becomeClean()
      return .unchanged(current.base?.id)
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
    let newest = snapshots.last { filter.matches($0.snapshot) }
    let result: CommitResult
    if durable.id == base?.snapshot.tree, newest?.snapshot.tree == base?.snapshot.tree {
      result = .unchanged(base?.id)
    } else {
      if !snapshots.contains(where: { $0.snapshot.tree == base?.snapshot.tree }) {
        try await TreeVerifier(repository: repository).verify(durable.id)
      }
      let description = SnapshotDescription(base: base, filter: filter, identity: identity)
      let summary = SnapshotSummary(of: uploader.statistics, frozen, begin: begin, end: .now())
      try lock.validate()
      try beginSaving()
      defer { state.withLock { $0.isSaving = false } }
      if let newest, newest.snapshot.tree != base?.snapshot.tree {
        guard purpose == .unmount else { throw RepositoryError.baseMoved(newest: newest.id) }
        let conflict = description.conflict(
          durable.id, before: newest, at: .now(), summary: summary)
        result = .conflict(try await repository.saveSnapshot(conflict, of: durable).id, newest: newest.id)
      } else {
        let saved = try await repository.saveSnapshot(description.successor(durable.id, at: .now(), summary: summary), of: durable)
        state.withLock { $0.base = saved }
        result = .saved(saved.id)
      }
    }
    tree.inspect { $0.settle(stored, of: frozen) }
    streamer.noteCommit()
    state.withLock { $0.lastCommit = (result, .now()) }
    await becomeClean()
    return result
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
