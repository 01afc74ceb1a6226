/// Snapshots that this process or another process of this machine has read are not read again.
extension Repository {
  /// How many snapshots are read before they are recorded: if the process is interrupted, these need not be read again.
  private static let readingStep = 1000

  /// All snapshots in `listing`, the oldest first. Calls `read` for each that is not known yet; a snapshot for which
  /// `read` returns nil is left out.
  func snapshots(
    in listing: SnapshotListing,
    _ read: @escaping @Sendable (ListedSnapshot) async throws(RepositoryError) -> Snapshot?
  ) async throws(RepositoryError) -> [SavedSnapshot] {
    let look = knownSnapshots.withLock { $0.look(at: listing) }
    let gathering = SnapshotGathering(look)
    if !look.unknown.isEmpty {
      var rest = await takeOverRecorded(look.unknown, into: gathering)[...]
      // At least once: the record is tidied up if that is due.
      repeat {
        let step = Array(rest.prefix(Self.readingStep))
        rest = rest.dropFirst(Self.readingStep)
        try await self.read(step, of: listing, into: gathering, read)
      } while !rest.isEmpty
    }
    let (list, recorded) = (gathering.list, gathering.recorded)
    knownSnapshots.withLock { $0.keep(list, recorded: recorded) }
    return list
  }

  private func read(
    _ step: [ListedSnapshot], of listing: SnapshotListing, into gathering: SnapshotGathering,
    _ read: @escaping @Sendable (ListedSnapshot) async throws(RepositoryError) -> Snapshot?
  ) async throws(RepositoryError) {
    let added = Locked<[RecordedSnapshot]>([])
    let result = await Result(awaiting: { () async throws(RepositoryError) in
      try await forEachConcurrently(step, limit: settings.concurrentLoads) { listed throws(RepositoryError) in
        guard let snapshot = try await read(listed) else { return }
        let saved = SavedSnapshot(id: listed.id, snapshot: snapshot)
        gathering.add(saved)
        added.withLock { $0.append(RecordedSnapshot(saved: saved, byteCount: listed.entry.byteCount)) }
      }
    })
    let news = added.withLock { $0 }
    await snapshotRecord?.update(adding: news, listedCount: listing.snapshots.count) {
      Self.recorded(gathering.all, of: listing)
    }
    try result.get()
  }

  /// Adds the recorded ones of `unknown` to `gathering`, and returns the others.
  private func takeOverRecorded(
    _ unknown: [ListedSnapshot], into gathering: SnapshotGathering
  ) async -> [ListedSnapshot] {
    guard let news = await snapshotRecord?.news(), !news.isEmpty else { return unknown }
    let byteCounts = Dictionary(
      unknown.lazy.map { ($0.id, $0.entry.byteCount) }, uniquingKeysWith: { first, _ in first })
    var taken = Set<SnapshotID>(minimumCapacity: byteCounts.count)
    let found = news.compactMap { recorded -> SavedSnapshot? in
      // A file of another size is not the file that was read. The record may have a snapshot twice.
      guard byteCounts[recorded.saved.id] == recorded.byteCount, taken.insert(recorded.saved.id).inserted else {
        return nil
      }
      return recorded.saved
    }
    gathering.add(recorded: found)
    return unknown.filter { !taken.contains($0.id) }
  }

  private static func recorded(_ known: [SavedSnapshot], of listing: SnapshotListing) -> [RecordedSnapshot] {
    let byteCounts = Dictionary(
      listing.snapshots.lazy.map { ($0.id, $0.entry.byteCount) }, uniquingKeysWith: { first, _ in first })
    return known.compactMap { saved in
      byteCounts[saved.id].map { RecordedSnapshot(saved: saved, byteCount: $0) }
    }
  }
}
