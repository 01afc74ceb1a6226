/// A snapshot file that is listed.
struct ListedSnapshot: Sendable {
  let id: SnapshotID
  let entry: BackendEntry

  /// The snapshot in `entry`; nil where that is another file.
  init?(_ entry: BackendEntry) {
    guard entry.file.type == .snapshot, let id = SnapshotID(hex: entry.file.name) else { return nil }
    self.id = id
    self.entry = entry
  }
}

/// Snapshots that were read once, here or by another process of this machine, are not read again.
extension Repository {
  /// So many snapshots are read before the record hears of them: whoever is interrupted has not read them for nothing.
  private static let readingStep = 1000

  /// Forgets snapshots that are not among `listed`, all that there are.
  func forgetUnlisted(_ listed: [ListedSnapshot]) {
    snapshotCache.withLock { cache in
      guard !cache.isEmpty else { return }
      let ids = Set(listed.map(\.id))
      cache = cache.filter { ids.contains($0.key) }
    }
  }

  /// Calls `read` for each of `listed`, all snapshots that there are, that is not known yet. `read` puts what it reads into
  /// `snapshotCache`.
  func readUnknown(
    _ listed: [ListedSnapshot], _ read: @escaping @Sendable (ListedSnapshot) async throws(RepositoryError) -> Void
  ) async throws(RepositoryError) {
    var rest = unknown(listed)[...]
    guard !rest.isEmpty else { return }
    if await takeOverRecorded(rest) { rest = unknown(listed)[...] }
    repeat {
      let step = Array(rest.prefix(Self.readingStep))
      rest = rest.dropFirst(Self.readingStep)
      do throws(RepositoryError) {
        try await forEachConcurrently(step, limit: settings.concurrentLoads, read)
      } catch {
        await record(step, of: listed)
        throw error
      }
      await record(step, of: listed)
    } while !rest.isEmpty
  }

  private func unknown(_ listed: [ListedSnapshot]) -> [ListedSnapshot] {
    snapshotCache.withLock { cache in listed.filter { cache[$0.id] == nil } }
  }

  /// Takes over what the record has of `unknown`; says whether it had anything.
  private func takeOverRecorded(_ unknown: ArraySlice<ListedSnapshot>) async -> Bool {
    guard let news = await snapshotRecord?.news(), !news.isEmpty else { return false }
    let byteCounts = Dictionary(unknown.map { ($0.id, $0.entry.byteCount) }, uniquingKeysWith: { first, _ in first })
    snapshotCache.withLock { cache in
      cache.reserveCapacity(cache.count + byteCounts.count)
      // A file of another size is not what was read.
      for recorded in news where byteCounts[recorded.saved.id] == recorded.byteCount {
        cache[recorded.saved.id] = recorded.saved.snapshot
      }
    }
    return true
  }

  /// Has the record hold what was read of `step`.
  private func record(_ step: [ListedSnapshot], of listed: [ListedSnapshot]) async {
    await snapshotRecord?.update(adding: known(step), listedCount: listed.count) { [self] in known(listed) }
  }

  private func known(_ listed: [ListedSnapshot]) -> [RecordedSnapshot] {
    snapshotCache.withLock { cache in
      listed.compactMap { listed in
        cache[listed.id].map {
          RecordedSnapshot(saved: SavedSnapshot(id: listed.id, snapshot: $0), byteCount: listed.entry.byteCount)
        }
      }
    }
  }
}
