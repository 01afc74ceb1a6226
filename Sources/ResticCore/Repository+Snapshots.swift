extension Repository {
  /// All snapshots, the oldest first (those of one instant by id); files read before are not read again.
  ///
  /// Throws `.damaged` naming the file that cannot be read.
  public func snapshots() async throws(RepositoryError) -> [SavedSnapshot] {
    let listed: Set<SnapshotID> = Set(try await list(.snapshot))
    let cached = snapshotCache.withLock { cache in
      // What is gone is not kept.
      cache = cache.filter { listed.contains($0.key) }
      return cache
    }
    try await forEachConcurrently(listed.filter { cached[$0] == nil }, limit: settings.concurrentLoads) {
      id throws(RepositoryError) in
      do throws(RepositoryError) {
        _ = try await self.snapshot(id)
      } catch .backend(.notFound) {
        return  // Forgotten since it was listed.
      }
    }
    let loaded = snapshotCache.withLock { $0 }
    return listed.compactMap { id in loaded[id].map { SavedSnapshot(id: id, snapshot: $0) } }
      .sorted { ($0.snapshot.time, $0.id) < ($1.snapshot.time, $1.id) }
  }

  /// The snapshot stored as `id`.
  public func snapshot(_ id: SnapshotID) async throws(RepositoryError) -> Snapshot {
    if let cached = snapshotCache.withLock({ $0[id] }) { return cached }
    let bytes = try await unpacked.load(.snapshot(id))
    let snapshot: Snapshot
    do throws(FormatError) {
      snapshot = try Snapshot.decode(bytes)
    } catch {
      throw .damaged("\(BackendFile.snapshot(id)) is damaged: \(error)")
    }
    snapshotCache.withLock { $0[id] = snapshot }
    return snapshot
  }

  /// The newest snapshot that `filter` lets through: the one of the highest time; nil if there is none.
  public func latestSnapshot(matching filter: SnapshotFilter) async throws(RepositoryError) -> SavedSnapshot? {
    try await snapshots().last { filter.matches($0.snapshot) }
  }

  /// The snapshot whose id begins with `prefix`. Throws `.noSnapshot` where none or more than one does.
  public func snapshot(withPrefix prefix: String) async throws(RepositoryError) -> SavedSnapshot {
    let listed: [SnapshotID] = try await list(.snapshot)
    let found = prefix.isEmpty ? [] : listed.filter { $0.hex.hasPrefix(prefix) }
    guard let id = found.first else {
      throw .noSnapshot("no snapshot has an id that begins with \"\(prefix)\"; `restic snapshots` lists them")
    }
    guard found.count == 1 else {
      throw .noSnapshot("\(found.count) snapshots have ids that begin with \"\(prefix)\"; give more digits")
    }
    return SavedSnapshot(id: id, snapshot: try await snapshot(id))
  }

  /// Saves `snapshot` with `tree` as its tree, in a file of its own, and returns it as stored.
  ///
  /// The caller holds a lock and has asked it to `validate` just before; it sees to it that times only grow.
  public func saveSnapshot(
    _ snapshot: Snapshot, of tree: DurableTree
  ) async throws(RepositoryError) -> SavedSnapshot {
    var snapshot = snapshot
    snapshot.tree = tree.id
    let id = try await unpacked.save(snapshot.encode(), as: BackendFile.snapshot)
    let saved = snapshot
    snapshotCache.withLock { $0[id] = saved }
    return SavedSnapshot(id: id, snapshot: saved)
  }
}
