import Logging
import ResticCore

/// The steps of a commit with changes to save.
extension CommitCoordinator {
  /// A frozen tree whose contents and trees are stored.
  private struct StoredCommit {
    let frozen: FrozenTree
    let durable: DurableTree
    let stored: StoredTree
    let files: FileUploader
    let summary: SnapshotSummary
  }

  /// Stores the changes and saves them as a snapshot, under the commit lock that was reserved or is taken then;
  /// `returned` releases the lock at the end.
  func store(
    _ filter: SnapshotFilter, _ lock: RepositoryLock, _ reservation: CommitReservation?,
    returning returned: ReturnedLocks
  ) async throws -> CommitResult {
    let start = ContinuousClock.now
    if !isForOneProgram { await adoptHead() }
    let frozen = tree.bookkeep { $0.freezeForCommit() }
    defer {
      tree.bookkeep { $0.thaw() }
      streamer.noteCommitEnd()
    }
    // In a network, others' snapshots are looked for while the changes are being stored.
    let isEarly = repository.backend.isDistant
    let early = isEarly ? reservation.map { EarlyLook($0, lock, on: repository, clock: clock) } : nil
    let commit = try await store(frozen)
    let result: CommitResult
    do {
      result = try await save(commit, filter, lock, reservation, early, returned)
    } catch let error as UnconfirmedSnapshot {
      settle(commit)
      state.withLock { $0.noteUnconfirmed(error) }
      throw error
    } catch let error as RolledBackRepository {
      state.withLock { $0.rollback = error.rollback }
      throw error
    }
    settle(commit)
    state.withLock { $0.noteCommit(result, at: .now(), wallTime: clock.wallTime()) }
    if case .saved(let saved, _) = result {
      await rollbackWatch?.note(saved)
      logger.info(
        "saved snapshot \(saved.id.short): \(frozen.changedFileCount) files, \(frozen.changedByteCount) bytes, \(start.duration(to: .now))"
      )
    }
    return result
  }

  /// Stores everything that is frozen, and makes it durable.
  private func store(_ frozen: FrozenTree) async throws -> StoredCommit {
    let begin = Timestamp.now()
    let progress = CommitProgress(fileCount: frozen.changedFileCount, byteCount: frozen.changedByteCount)
    state.withLock { $0.beginStoring(progress) }
    let (uploader, pending) = await streamer.takeUploader()
    let uploading = FileUploader(uploader: uploader, pending: pending, reader: files.blobs, progress: progress)
    let writer = SnapshotWriter(files: uploading, uploader: uploader, progress: progress)
    let (durable, stored) = try await writer.store(frozen)
    return StoredCommit(
      frozen: frozen, durable: durable, stored: stored, files: uploading,
      summary: SnapshotSummary(of: uploader.statistics, frozen, begin: begin, end: .now()))
  }

  /// Saves the stored tree as the newest snapshot, unless it contains nothing new.
  private func save(
    _ commit: StoredCommit, _ filter: SnapshotFilter, _ lock: RepositoryLock, _ reservation: CommitReservation?,
    _ early: EarlyLook?, _ returned: ReturnedLocks
  ) async throws -> CommitResult {
    let (base, sent) = state.withLock { ($0.base, $0.sent) }
    if commit.durable.id == base.shown.tree, base.known == nil, sent.isEmpty {
      await reservation?.giveUp()
      return .unchanged(base.shown.snapshot?.id)
    }
    return try await saver(for: commit, filter, returned).save(
      commit.durable, base: base.shown, known: base.known, sent: sent, lock: lock,
      reservation: reservation ?? makeReservation(), early: early, summary: commit.summary)
  }

  private func saver(
    for commit: StoredCommit, _ filter: SnapshotFilter, _ returned: ReturnedLocks
  ) -> SnapshotSaver {
    SnapshotSaver(
      repository: repository, filter: filter, identity: identity, retryFor: lockKeeper.retryFor,
      refusesConflicts: isForOneProgram, rollbackWatch: rollbackWatch, clock: clock, logger: logger,
      rebase: { [repository] theirs in
        let uploader = repository.makeUploader()
        return try await SnapshotWriter(files: commit.files, uploader: uploader, progress: commit.files.progress)
          .store(commit.frozen, commit.stored.files, onto: theirs)
      },
      willSend: { [self] sent in state.withLock { $0.noteSending(sent) } },
      didSave: { [self] sent in state.withLock { $0.noteSaved(sent) } },
      willSave: { [self] () throws(RepositoryError) in try beginSaving() }, returned: returned)
  }

  /// Everything stored is as in the base snapshot again, unless it has changed meanwhile.
  private func settle(_ commit: StoredCommit) {
    tree.bookkeep { $0.settle(commit.stored, of: commit.frozen) }
    tree.letGo(for: commit.stored.files.count + commit.stored.directories.count)
    streamer.noteCommit()
  }

  /// Makes `HEAD` of a new repository name the first pushed branch.
  private func adoptHead() async {
    do {
      guard let changed = try await UnbornHead(files: files).adopt(at: .now()) else { return }
      kernelCache.forget(changed) { _ in }
    } catch {
      logger.warning("HEAD stays as it is: \(error)")
    }
  }
}
