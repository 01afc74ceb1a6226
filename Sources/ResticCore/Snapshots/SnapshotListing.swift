/// A snapshot file that is listed.
struct ListedSnapshot: Sendable {
  let id: SnapshotID
  let entry: BackendEntry

  /// The snapshot in `entry`; nil if the entry is another file.
  init?(_ entry: BackendEntry) {
    guard entry.file.type == .snapshot, let id = SnapshotID(hex: entry.file.name) else { return nil }
    self.id = id
    self.entry = entry
  }
}

/// The snapshot files of one listing, each once: a listing in pages may name a file twice.
struct SnapshotListing: Sendable {
  /// The files, in the listing's order.
  let snapshots: [ListedSnapshot]
  private let ids: Set<SnapshotID>

  /// The snapshot files among `entries`.
  init(_ entries: [BackendEntry]) {
    var ids = Set<SnapshotID>(minimumCapacity: entries.count)
    snapshots = entries.compactMap { entry in
      ListedSnapshot(entry).flatMap { ids.insert($0.id).inserted ? $0 : nil }
    }
    self.ids = ids
  }

  /// Whether the snapshot is listed.
  func contains(_ id: SnapshotID) -> Bool { ids.contains(id) }
}
