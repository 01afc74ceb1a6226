/// A snapshot that is stored, with the name of its file.
public struct SavedSnapshot: Hashable, Sendable {
  /// The name. `restic tag` and `restic rewrite` replace the file, so compare trees to see whether the content changed.
  public let id: SnapshotID
  /// The content of the file.
  public let snapshot: Snapshot

  /// The snapshot stored as `id`.
  public init(id: SnapshotID, snapshot: Snapshot) {
    self.id = id
    self.snapshot = snapshot
  }
}
