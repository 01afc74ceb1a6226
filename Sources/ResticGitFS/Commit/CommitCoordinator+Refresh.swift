import Logging
import ResticCore

/// Showing snapshots that others have saved.
extension CommitCoordinator {
  /// Call after a commit: everything written is saved, whether or not the newest snapshot can be shown.
  func showNewest() async {
    guard !isForOneProgram else { return }
    do {
      try await refreshAlone()
    } catch {
      logger.warning("saved, but newer snapshots cannot be shown: \(error)")
    }
  }

  /// Whether what others saved waits until it is shown. Whoever reads the tree once this has returned reads what stays; the
  /// kernel may still be forgetting what was there before (`Namespace.isRefreshing`).
  func holdRefresh(_ isHeld: Bool) {
    state.withLock { $0.isRefreshHeld = isHeld }
  }

  /// Whether the newest snapshot of the mount has the tree that the mount shows where nothing is changed: nobody else has saved
  /// since then. Nothing is shown or noted.
  func isNewest() async throws -> Bool {
    guard let filter else { return false }
    let base = state.withLock { $0.base.shown }
    let description = SnapshotDescription(base: base.snapshot, filter: filter, identity: identity)
    let list = try await repository.seeingNewest(of: try await repository.snapshotList(), where: description.covers)
    return try list.newest(where: description.covers)?.snapshot.tree == base.tree
  }

  /// Looks for the newest matching snapshot, and shows it if the mount has no changes and does not show it already.
  /// Returns whether it was another snapshot. If it cannot be shown now, `CommitBase.newer` has it.
  @discardableResult
  func refresh() async throws -> Bool {
    try await gate.pass { () async throws -> Bool in try await refreshAlone() != nil }
  }

  /// For a program that returns to its mount: looks for a newer snapshot. Returns whether the mount, and the kernel,
  /// now show what a new mount would show, without changes. Waits for the kernel, so it must not be called for an fsync
  /// of the root (`KernelCache`).
  func catchUp() async throws -> Bool {
    let forgetting = try await gate.pass { () async throws -> AsyncStream<Bool>? in try await refreshAlone() }
    if let forgetting {
      for await hasForgotten in forgetting where !hasForgotten { return false }
    }
    guard let filter, let newest = try await repository.latestSnapshot(matching: filter) else { return false }
    let isChanged = tree.read { $0.isChanged }
    return state.withLock { state in
      !isChanged && state.phase == .clean && state.lastError == nil && state.base.newer == nil && state.rollback == nil
        && state.base.shown.snapshot?.id == newest.id
    }
  }

  /// Nil if nothing new is shown; otherwise a stream that reports whether the kernel has forgotten the old state, and
  /// then ends. `status` has the failure until the kernel succeeds.
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

  /// Records the result of a look, and logs news.
  private func note(_ rollback: Rollback?) {
    let isNews = state.withLock { state in
      defer { state.rollback = rollback }
      return rollback != nil && state.rollback != rollback
    }
    if let rollback, isNews { logger.warning("\(rollback.message)") }
  }

  private func follow(_ filter: SnapshotFilter) async throws -> AsyncStream<Bool>? {
    let (base, isInDoubt) = state.withLock { ($0.base.shown, $0.isInDoubt) }
    let description = SnapshotDescription(base: base.snapshot, filter: filter, identity: identity)
    var list = try await repository.confirmedSnapshotList()
    list = try await repository.seeingNewest(of: list, where: description.covers)
    if let look = try await rollbackWatch?.look(at: list, showing: base.snapshot, where: description.covers) {
      list = look.list
      note(look.rollback)
      // The snapshot that this mount shows is gone: it is still shown until a person has decided.
      if look.rollback != nil, let shown = base.snapshot,
        Rollback(seen: shown, in: list, where: description.covers) != nil
      {
        return nil
      }
    }
    let ahead = SnapshotAhead(among: list.snapshots.filter { filter.matches($0.snapshot) }, at: clock.wallTime())
    state.withLock { $0.ahead = ahead }
    guard let newest = try list.newest(where: description.covers) else { return nil }
    let isChanged = tree.read { $0.isChanged }
    state.withLock { $0.noteLook(newest) }
    if state.withLock({ $0.isRefreshHeld }) { return nil }
    // The newest snapshot may lack what the mount shows, until the next commit has looked.
    if isChanged || isInDoubt { return nil }
    if newest.snapshot.tree == base.tree {
      state.withLock { $0.noteShown(newest) }
      return nil
    }
    try await repository.loadIndex()
    let refresher = Refresher(tree: tree, repository: repository) { self.state.withLock { $0.isRefreshHeld } }
    guard let invalidations = try await refresher.refresh(to: newest.snapshot.tree) else { return nil }
    state.withLock { $0.noteShown(newest) }
    let (forgetting, continuation) = AsyncStream.makeStream(of: Bool.self)
    kernelCache.forget(invalidations) { [tree] hasForgotten in
      if hasForgotten { tree.bookkeep { $0.announceRefresh() } }
      continuation.yield(hasForgotten)
      if hasForgotten { continuation.finish() }
    }
    logger.info("now showing snapshot \(newest.id.short)")
    return forgetting
  }
}
