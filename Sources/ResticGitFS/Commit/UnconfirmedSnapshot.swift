import ResticCore

/// A snapshot was saved, but the commit lock was lost meanwhile, and whether a newer snapshot hides this one could not be
/// seen. Nothing is lost: the next commit looks, and merges the two if need be.
struct UnconfirmedSnapshot: Error, CustomStringConvertible {
  /// What was saved.
  let saved: SavedSnapshot
  /// Our side's tree.
  let ours: BlobID
  /// The snapshots that were there before: others may have come beside this one.
  let known: Set<SnapshotID>
  /// Why it could not be seen.
  let cause: any Error

  var description: String {
    "snapshot \(saved.id.short) was saved, but others may have saved another one beside it, and this could not be checked: \(cause)"
  }
}
