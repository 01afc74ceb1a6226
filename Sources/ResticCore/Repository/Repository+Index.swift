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
      settings.loading.begin(entries.filter { IndexID(hex: $0.file.name).map { !known.contains($0) } ?? false })
      do throws(RepositoryError) {
        try await forEachConcurrently(entries, limit: settings.concurrentLoads) { entry throws(RepositoryError) in
          guard let id = IndexID(hex: entry.file.name), !known.contains(id) else { return }
          let damage = try await self.loadIndexFile(id, entry, rereads: rereadsDamaged)
          self.settings.loading.add(entry)
          guard let damage else { return }
          self.note(damage)
          damaged.withLock { $0.append(damage) }
        }
      } catch .backend(.notFound) where attempt < Self.listingAttempts {
        continue  // A prune has replaced the file.
      }
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

  /// Loads a listed index file; returns what is wrong with it, or nil.
  private func loadIndexFile(
    _ id: IndexID, _ entry: BackendEntry, rereads: Bool
  ) async throws(RepositoryError) -> DamagedFile? {
    if !rereads, let known = knownDamage(of: entry) { return known }
    do throws(RepositoryError) {
      if let damage = damageOfSize(entry) { throw .damaged(damage.message) }
      try await loadIndexFile(id)
      forgetDamage(of: entry.file)
      return nil
    } catch .damaged(let message) {
      // restic reads a file that it repairs into memory.
      let isLarge = entry.byteCount > BackendFileType.index.byteLimit
      let remedy =
        (isLarge ? "remove the file; then " : "")
        + "`restic repair index` (`restic rebuild-index` before 0.16) makes the index anew from the packs"
      return DamagedFile(
        file: entry.file, byteCount: entry.byteCount, message: "\(message); \(remedy)", mayHaveBeenSound: true)
    }
  }

  /// Loads an index file that is not loaded yet. Inside the gate.
  func loadIndexFile(_ id: IndexID) async throws(RepositoryError) {
    let file = try await load(.index(id)) { plaintext, version throws(FormatError) in
      let file = try IndexFile.decode(plaintext)
      if version < 2, file.packs.contains(where: { $0.blobs.contains { $0.uncompressedLength != nil } }) {
        throw FormatError("it lists compressed blobs, which format version 1 does not have")
      }
      return file
    }
    directory.withLock { $0.insert(file: id, packs: file.packs) }
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
        let id = try await save(IndexFile(packs: packs.map(\.content), supersedes: []))
        directory.withLock { $0.name(packs, in: id, at: .now) }
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
