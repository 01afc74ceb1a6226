extension Repository {
  /// How often a listing is made anew when files vanish while they are being loaded.
  private static let listingAttempts = 4

  /// Loads the index files that are not loaded yet, and forgets everything that only vanished files listed.
  ///
  /// Throws `.damaged` naming an unreadable index file, after all others are loaded. Such a file is not read again
  /// while its size stays the same, unless `rereadsDamaged`.
  public func loadIndex(rereadsDamaged: Bool = false) async throws(RepositoryError) {
    try await indexGate.pass { () async throws(RepositoryError) in try await loadIndexFiles(rereadsDamaged) }
  }

  /// Loads the index again, unless another task has done so since the `loadCount` that the caller saw.
  func reloadIndex(since loadCount: Int) async throws(RepositoryError) {
    try await indexGate.pass { () async throws(RepositoryError) in
      if directory.withLock({ $0.loadCount }) == loadCount { try await loadIndexFiles(false) }
    }
  }

  /// Inside the gate: nobody else adds or names index files meanwhile.
  private func loadIndexFiles(_ rereadsDamaged: Bool) async throws(RepositoryError) {
    for attempt in 1... {
      let entries = try await listEntries(.index)
      let listed = Set(entries.compactMap { IndexID(hex: $0.file.name) })
      let known = directory.withLock { $0.index.files }
      try await requireIdentity(listing: listed, known: known)
      forgetDamage(of: .index, except: entries)
      let damaged = Locked<[DamagedFile]>([])
      let unknown = entries.filter { IndexID(hex: $0.file.name).map { !known.contains($0) } ?? false }
      let recorded = await takeOverRecordedIndexFiles(unknown)
      let rest = recorded.isEmpty ? unknown : unknown.filter { recorded[$0.file] == nil }
      settings.loading.begin(rest)
      do throws(RepositoryError) {
        // The record can be written anew by whoever has just seen all that is in it.
        let all = known.isEmpty ? Array(recorded.values) : nil
        try await loadIndexFiles(rest, rereadsDamaged, recorded: all, listedCount: entries.count) { damage in
          self.note(damage)
          damaged.withLock { $0.append(damage) }
        }
      } catch .backend(.notFound) where attempt < Self.listingAttempts {
        continue  // A prune has replaced the file.
      }
      noteSizes(of: .index, entries, damaged: damaged.withLock { $0 })
      // Only now: what a prune wrote anew is known before what it replaced is forgotten.
      let gone = known.subtracting(listed)
      let isFirst = directory.withLock { directory in
        directory.endLoad(forgetting: gone)
        return directory.loadCount == 1
      }
      // Nobody waits for the cache.
      if cache?.keepsFiles == true, isFirst || !gone.isEmpty { Task { await removeStalePacksFromCache() } }
      if let first = damaged.withLock({ $0 }).min(by: { $0.file.name < $1.file.name }) { throw .damaged(first.message) }
      return
    }
  }

  /// A list of another repository tells nothing about this one. A list that contains all known files is this
  /// repository's; over a network this saves a check of the config.
  private func requireIdentity(listing listed: Set<IndexID>, known: Set<IndexID>) async throws(RepositoryError) {
    guard backend.isDistant, known.isSubset(of: listed) else { return try await confirmIdentity() }
    if known.isEmpty { try await requireIdentity() }
  }

  /// Loads the listed index files `entries`, which are not loaded yet, and calls `note` for each that is damaged. The record hears
  /// of those that were read, whatever comes of the others; `recorded` are all other listed ones, nil if they are not at hand.
  private func loadIndexFiles(
    _ entries: [BackendEntry], _ rereadsDamaged: Bool, recorded: [RecordedIndexFile]?, listedCount: Int,
    note: @escaping @Sendable (DamagedFile) -> Void
  ) async throws(RepositoryError) {
    let read = Locked<[RecordedIndexFile]>([])
    let result = await Result(awaiting: { () async throws(RepositoryError) in
      try await forEachConcurrently(entries, limit: settings.concurrentLoads) { entry throws(RepositoryError) in
        guard let id = IndexID(hex: entry.file.name) else { return }
        let found = try await self.loadIndexFile(id, entry, rereads: rereadsDamaged)
        self.settings.loading.add(entry)
        switch found {
        case .packs(let packs):
          read.withLock { $0.append(RecordedIndexFile(id: id, byteCount: entry.byteCount, packs: packs)) }
        case .damaged(let damage): note(damage)
        }
      }
    })
    await record(read.withLock { $0 }, beside: recorded, listedCount: listedCount)
    try result.get()
  }

  /// What a listed index file turned out to be.
  private enum ReadIndexFile {
    case packs([IndexFile.Pack])
    case damaged(DamagedFile)
  }

  /// Loads a listed index file.
  private func loadIndexFile(
    _ id: IndexID, _ entry: BackendEntry, rereads: Bool
  ) async throws(RepositoryError) -> ReadIndexFile {
    if !rereads, let known = knownDamage(of: entry) { return .damaged(known) }
    do throws(RepositoryError) {
      if let damage = damageOfSize(entry) { throw .damaged(damage.message) }
      let packs = try await loadIndexFile(id)
      forgetDamage(of: entry.file)
      return .packs(packs)
    } catch .damaged(let message) {
      // restic reads a file that it repairs into memory.
      let isLarge = entry.byteCount > BackendFileType.index.byteLimit
      let remedy =
        (isLarge ? "remove the file; then " : "")
        + "`restic repair index` (`restic rebuild-index` before 0.16) rebuilds the index from the packs"
      return .damaged(
        DamagedFile(
          file: entry.file, byteCount: entry.byteCount, message: "\(message); \(remedy)", mayHaveBeenSound: true))
    }
  }

  /// Loads an index file that is not loaded yet, and returns what it says. Inside the gate.
  @discardableResult
  func loadIndexFile(_ id: IndexID) async throws(RepositoryError) -> [IndexFile.Pack] {
    let file = try await load(.index(id)) { plaintext, version throws(FormatError) in
      let file = try IndexFile.decode(plaintext)
      if version < 2, file.packs.contains(where: { $0.blobs.contains { $0.uncompressedLength != nil } }) {
        throw FormatError("it lists compressed blobs, which format version 1 does not have")
      }
      return file
    }
    directory.withLock { $0.insert(file: id, packs: file.packs) }
    return file.packs
  }

  /// Writes index files for the packs that no index file names: all of them, or with `onlyIfDue` those that have waited
  /// long enough.
  ///
  /// Packs stay on the list until their index file is durable, so a failure loses nothing. An index file that names
  /// vanished packs would damage the repository, so the lock that protects the packs is checked first
  /// (`guardIndexFiles`).
  func saveIndexFiles(onlyIfDue: Bool) async throws(RepositoryError) {
    if onlyIfDue, !directory.withLock({ $0.unindexed.isDue(at: .now) }) { return }
    try await indexGate.pass { () async throws(RepositoryError) in
      while true {
        let packs = directory.withLock { directory in
          onlyIfDue && !directory.unindexed.isDue(at: .now) ? [] : directory.unindexed.nextFile
        }
        if packs.isEmpty { return }
        try await indexGuard.withLock { $0 }?()
        let content = packs.map(\.content)
        let (stored, id) = try unpacked.seal(
          IndexFile(packs: content, supersedes: []).encode(), as: BackendFile.index)
        try await store(.index(id), PooledBytes(copying: stored))
        directory.withLock { $0.name(packs, in: id, at: .now) }
        recordBeside(RecordedIndexFile(id: id, byteCount: stored.count, packs: content))
      }
    }
  }

  /// Makes every writing of an index file call `confirm` first, which throws if a prune may have taken the packs.
  public func guardIndexFiles(_ confirm: @escaping @Sendable () async throws(RepositoryError) -> Void) {
    indexGuard.withLock { $0 = confirm }
  }

  /// Stores an index file, whatever its content. Throws `RepositoryError`.
  package func save(_ file: IndexFile) async throws(RepositoryError) -> IndexID {
    try await store(file.encode(), as: BackendFile.index)
  }

  /// Forgets packs of this process that no index file names and that are no longer on the storage; returns how many.
  ///
  /// Another client's prune removes such packs. Call this after taking a lock and before adding blobs, so that packs
  /// left by an earlier, failed commit are used only while they exist.
  @discardableResult
  public func forgetVanishedPacks() async throws(RepositoryError) -> Int {
    try await indexGate.pass { () async throws(RepositoryError) in
      let packs = directory.withLock { $0.unindexed.packs }
      var gone: [PendingIndex.Pack] = []
      for pack in packs {
        do throws(BackendError) {
          _ = try await backend.byteCount(of: .pack(pack.content.id))
        } catch .notFound {
          gone.append(pack)
        } catch {
          throw .backend(error)
        }
      }
      let forgotten = gone
      // If the repository was replaced, none of this process's packs is there.
      if !gone.isEmpty { try await confirmIdentity() }
      if !forgotten.isEmpty { directory.withLock { $0.forget(unindexed: forgotten, at: .now) } }
      return forgotten.count
    }
  }

  /// Removes packs from the cache that are not in the index.
  func removeStalePacksFromCache() async {
    guard let cache else { return }
    let packs = await cache.files(of: .data).compactMap { PackID(hex: $0.name) }
    let unknown = directory.withLock { $0.index.unknownPacks(among: Set(packs)) }
    await cache.remove(unknown.map { .pack($0) })
  }

  /// The names of all files of `type`.
  func list<Kind>(_ type: BackendFileType) async throws(RepositoryError) -> [ID<Kind>] {
    do throws(BackendError) {
      return try await backend.list(type).compactMap { ID<Kind>(hex: $0.file.name) }
    } catch {
      throw .backend(error)
    }
  }
}
