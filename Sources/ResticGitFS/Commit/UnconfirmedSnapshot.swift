import ResticCore

/// A snapshot was saved, but the commit lock was lost meanwhile, and it is unknown whether a newer snapshot hides this
/// one. Nothing is lost: the next commit looks, and merges the two if necessary.
struct UnconfirmedSnapshot: Error, CustomStringConvertible {
  /// The snapshot that was saved.
  let saved: SavedSnapshot
  /// The tree of this mount's side.
  let ours: BlobID
  /// The snapshots that existed before: others may have been saved beside this one.
  let known: Set<SnapshotID>
  /// Why it is unknown.
  let cause: any Error

  var description: String {
    "snapshot \(saved.id.short) was saved, but others may have saved another one beside it, and this could not be checked: \(cause)"
  }
}
