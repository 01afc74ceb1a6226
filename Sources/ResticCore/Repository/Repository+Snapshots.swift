extension Repository {
  /// All snapshots and the snapshot files that cannot be read; each ignored file is named in a warning once. Files that
  /// were read before are not read again, nor are damaged ones unless `rereadsDamaged`.
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

  /// As `snapshotList`, after confirming the repository: a list of another repository tells nothing about this one.
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

  /// All readable snapshots, the oldest first (those of one instant by id). Each unreadable file is named in a warning
  /// once.
  public func snapshots() async throws(RepositoryError) -> [SavedSnapshot] {
    let list = try await snapshotList()
    warnOfDamage(in: list)
    return list.snapshots
  }

  /// Logs a warning for each unreadable file of `list`, once.
  public func warnOfDamage(in list: SnapshotList) {
    list.damaged.forEach(warn)
  }

  /// The snapshot that the storage has under the name `id`, whether or not it is listed; nil if there is none. Ignores
  /// what this process or its cache knows. Throws `.damaged` naming the file if it cannot be read.
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

  /// The result of reading a listed snapshot file.
  private enum ReadFile {
    case snapshot(Snapshot)
    case damaged(DamagedFile)
    /// Forgotten since the listing.
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

  /// Reads the snapshot file `id`, and remembers the snapshot. Throws the storage's error.
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

  /// Whether a damaged snapshot file may have been a snapshot. If its content fits its name, the file is as it was
  /// stored: without this repository's seal, it never was a snapshot of this repository.
  private func mayHaveBeenSound(_ id: SnapshotID) async throws(RepositoryError) -> Bool {
    do throws(RepositoryError) {
      return unpacked.isSealed(try await unpacked.loadStored(.snapshot(id)))
    } catch .damaged {
      return true
    }
  }

  /// The snapshot stored as `id`. Throws `.damaged` naming the file if it cannot be read.
  public func snapshot(_ id: SnapshotID) async throws(RepositoryError) -> Snapshot {
    if let known = knownSnapshots.withLock({ $0.snapshot(id) }) { return known }
    switch try await read(id) {
    case .success(let snapshot): return snapshot
    case .failure(let fault): throw .damaged(fault.message)
    }
  }

  /// The newest snapshot that `filter` chooses, by time; nil if there is none. Throws `.damaged` naming the file if the
  /// newest is not known, because it may be in a damaged file (`SnapshotList`).
  public func latestSnapshot(matching filter: SnapshotFilter) async throws(RepositoryError) -> SavedSnapshot? {
    let isWanted = { (snapshot: Snapshot) in filter.matches(snapshot) }
    return try await seeingNewest(of: try await snapshotList(), where: isWanted).newest(where: isWanted)
  }

  /// The snapshot whose id begins with `prefix`. Throws `.noSnapshot` if there is none or more than one.
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

  /// The sealed file of `snapshot` with `tree` as its tree.
  ///
  /// Throws `.unstorableTime` if the stored snapshot would have another time than `snapshot`.
  public func seal(_ snapshot: Snapshot, of tree: DurableTree) throws(RepositoryError) -> SealedSnapshot {
    var snapshot = snapshot
    snapshot.tree = tree.id
    for time in [snapshot.time, snapshot.summary?.backupStart, snapshot.summary?.backupEnd] {
      if let time, !time.isStorable { throw .unstorableTime("a snapshot cannot have the time \(time.rfc3339)") }
    }
    let (stored, id) = try unpacked.seal(snapshot.encode(), as: BackendFile.snapshot)
    return SealedSnapshot(saved: SavedSnapshot(id: id, snapshot: snapshot), bytes: PooledBytes(copying: stored))
  }

  /// Saves a snapshot, and returns it as stored. After an error the snapshot may be stored nevertheless: see
  /// `isStored`. Saving it again makes sure that it stays.
  ///
  /// The caller holds a lock that it has confirmed (`confirm`) just before, and makes sure that times only grow.
  @discardableResult
  public func save(_ sealed: SealedSnapshot) async throws(RepositoryError) -> SavedSnapshot {
    try await store(.snapshot(sealed.saved.id), sealed.bytes)
    knownSnapshots.withLock { $0.note(sealed.saved.id, sealed.saved.snapshot) }
    snapshotRecord?.addBeside(RecordedSnapshot(saved: sealed.saved, byteCount: sealed.bytes.byteCount))
    return sealed.saved
  }

  /// Whether the snapshot can be read from the storage now, byte for byte. A readable file may still be lost in a power
  /// cut: only a successful `save` guarantees that the snapshot stays.
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
