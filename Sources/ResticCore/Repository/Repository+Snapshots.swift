extension Repository {
  /// All snapshots and the snapshot files that cannot be read; a warning names once each of those that is passed over. Files
  /// read before are not read again, damaged ones neither unless `rereadsDamaged`.
  public func snapshotList(rereadsDamaged: Bool = false) async throws(RepositoryError) -> SnapshotList {
    let entries = try await listEntries(.snapshot)
    forgetDamage(of: .snapshot, except: entries)
    let damaged = Locked<[DamagedFile]>([])
    let snapshots = try await snapshots(in: SnapshotListing(entries)) { listed throws(RepositoryError) in
      switch try await self.read(listed.id, listed.entry, rereadsDamaged: rereadsDamaged) {
      case .snapshot(let snapshot): return snapshot
      case .damaged(let damage):
        self.note(damage)
        damaged.withLock { $0.append(damage) }
        return nil
      case .gone: return nil
      }
    }
    let list = SnapshotList(
      snapshots: snapshots, damaged: damaged.withLock { $0 }.sorted { $0.file.name < $1.file.name })
    noteSizes(of: .snapshot, entries, damaged: list.damaged)
    list.passedOver.forEach(warn)
    return list
  }

  /// As `snapshotList`, of what is seen to be our repository: what another repository lists says nothing of what ours has.
  public func confirmedSnapshotList() async throws(RepositoryError) -> SnapshotList {
    guard backend.isDistant else {
      try await confirmIdentity()
      return try await snapshotList()
    }
    async let identity = Result(awaiting: { () async throws(RepositoryError) in try await confirmIdentity() })
    let list = await Result(awaiting: { () async throws(RepositoryError) in try await snapshotList() })
    try await identity.get()
    return try list.get()
  }

  /// All snapshots that can be read, the oldest first (those of one instant by id). A warning names each file that cannot,
  /// once.
  public func snapshots() async throws(RepositoryError) -> [SavedSnapshot] {
    let list = try await snapshotList()
    warnOfDamage(in: list)
    return list.snapshots
  }

  /// A warning names each file of `list` that cannot be read, once.
  public func warnOfDamage(in list: SnapshotList) {
    list.damaged.forEach(warn)
  }

  /// The snapshot that the storage has under the name `id`, whether or not it is listed; nil if there is none. What this
  /// process or its cache knows counts for nothing. Throws `.damaged` naming the file where it cannot be read.
  public func storedSnapshot(_ id: SnapshotID) async throws(RepositoryError) -> SavedSnapshot? {
    do throws(BackendError) {
      _ = try await storage.byteCount(of: .snapshot(id))
    } catch .notFound {
      return nil
    } catch {
      throw .backend(error)
    }
    return SavedSnapshot(id: id, snapshot: try await snapshot(id))
  }

  /// What a listed snapshot file turned out to be.
  private enum ReadFile {
    case snapshot(Snapshot)
    case damaged(DamagedFile)
    /// Forgotten since it was listed.
    case gone
  }

  private func read(
    _ id: SnapshotID, _ entry: BackendEntry, rereadsDamaged: Bool
  ) async throws(RepositoryError) -> ReadFile {
    if let damage = damageOfSize(entry) {
      return .damaged(
        DamagedFile(
          file: entry.file, byteCount: entry.byteCount,
          message: "\(damage.message); the file holds no snapshot: remove it", mayHaveBeenSound: false))
    }
    if !rereadsDamaged, let known = knownDamage(of: entry) { return .damaged(known) }
    do throws(RepositoryError) {
      switch try await read(id) {
      case .success(let snapshot):
        forgetDamage(of: entry.file)
        return .snapshot(snapshot)
      case .failure(let fault):
        return .damaged(
          DamagedFile(
            file: entry.file, byteCount: entry.byteCount, message: fault.message,
            mayHaveBeenSound: fault.mayHaveBeenSound))
      }
    } catch .backend(.notFound) {
      return .gone
    }
  }

  /// What is wrong with a snapshot file.
  private struct Fault: Error {
    let message: String
    let mayHaveBeenSound: Bool
  }

  /// Reads the snapshot file `id`, and remembers the snapshot. Throws what the storage failed with.
  private func read(_ id: SnapshotID) async throws(RepositoryError) -> Result<Snapshot, Fault> {
    do throws(RepositoryError) {
      let snapshot = try await load(.snapshot(id)) { plaintext, _ throws(FormatError) in try Snapshot.decode(plaintext)
      }
      knownSnapshots.withLock { $0.note(id, snapshot) }
      return .success(snapshot)
    } catch .damaged(let message) {
      return .failure(Fault(message: message, mayHaveBeenSound: try await mayHaveBeenSound(id)))
    }
  }

  /// Whether a damaged snapshot file may have been one. A file whose content is what its name says is what was stored: without
  /// the seal of our key it never was a snapshot of this repository.
  private func mayHaveBeenSound(_ id: SnapshotID) async throws(RepositoryError) -> Bool {
    do throws(RepositoryError) {
      return unpacked.isSealed(try await unpacked.loadStored(.snapshot(id)))
    } catch .damaged {
      return true
    }
  }

  /// The snapshot stored as `id`. Throws `.damaged` naming the file where it cannot be read.
  public func snapshot(_ id: SnapshotID) async throws(RepositoryError) -> Snapshot {
    if let known = knownSnapshots.withLock({ $0.snapshot(id) }) { return known }
    switch try await read(id) {
    case .success(let snapshot): return snapshot
    case .failure(let fault): throw .damaged(fault.message)
    }
  }

  /// The newest snapshot that `filter` lets through: the one of the highest time; nil if there is none. Throws `.damaged`
  /// naming the file where it cannot be told, since a damaged file may be it (`SnapshotList`).
  public func latestSnapshot(matching filter: SnapshotFilter) async throws(RepositoryError) -> SavedSnapshot? {
    let isWanted = { (snapshot: Snapshot) in filter.matches(snapshot) }
    return try await seeingNewest(of: try await snapshotList(), where: isWanted).newest(where: isWanted)
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

  /// The file of `snapshot` with `tree` as its tree, to be saved.
  ///
  /// Throws `.unstorableTime` where the stored snapshot would be of another time than `snapshot`.
  public func seal(_ snapshot: Snapshot, of tree: DurableTree) throws(RepositoryError) -> SealedSnapshot {
    var snapshot = snapshot
    snapshot.tree = tree.id
    for time in [snapshot.time, snapshot.summary?.backupStart, snapshot.summary?.backupEnd] {
      if let time, !time.isStorable { throw .unstorableTime("a snapshot cannot be of the time \(time.rfc3339)") }
    }
    let (stored, id) = try unpacked.seal(snapshot.encode(), as: BackendFile.snapshot)
    return SealedSnapshot(saved: SavedSnapshot(id: id, snapshot: snapshot), bytes: PooledBytes(copying: stored))
  }

  /// Saves a snapshot, and returns it as stored. After an error it may be there all the same: `isStored` tells.
  /// Saving it again makes sure that it stays.
  ///
  /// The caller holds a lock and has asked it to `confirm` just before; it sees to it that times only grow.
  @discardableResult
  public func save(_ sealed: SealedSnapshot) async throws(RepositoryError) -> SavedSnapshot {
    try await store(.snapshot(sealed.saved.id), sealed.bytes)
    knownSnapshots.withLock { $0.note(sealed.saved.id, sealed.saved.snapshot) }
    snapshotRecord?.addBeside(RecordedSnapshot(saved: sealed.saved, byteCount: sealed.bytes.byteCount))
    return sealed.saved
  }

  /// Whether the snapshot can be read from the storage now, byte for byte. What can be read may still be lost in a power cut:
  /// only a `save` that succeeds is the storage's word that the snapshot stays.
  public func isStored(_ sealed: SealedSnapshot) async throws(RepositoryError) -> Bool {
    try await confirmIdentity()
    do throws(BackendError) {
      let stored = try await storage.load(.snapshot(sealed.saved.id))
      return stored.withUnsafeBytes { stored in sealed.bytes.withUnsafeBytes { $0.isEqual(to: stored) } }
    } catch .notFound {
      return false
    } catch {
      throw .backend(error)
    }
  }
}
