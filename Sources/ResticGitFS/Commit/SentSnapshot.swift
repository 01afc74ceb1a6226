import ResticCore

/// A snapshot that a commit has sent without learning whether it arrived, because the storage's answer was lost. It may
/// be stored, or arrive later.
struct SentSnapshot: Sendable {
  /// What was sent.
  let sealed: SealedSnapshot
  /// The tree of this mount's side, which the snapshot holds.
  let ours: BlobID
  /// The merge in the snapshot, if there was one.
  let merge: CommitResult.Merge?

  /// The snapshot under the name with which it was sent.
  var saved: SavedSnapshot { sealed.saved }

  /// Whether it is among `snapshots`, possibly with other tags and so under another name.
  func isListed(in snapshots: [SavedSnapshot]) -> Bool {
    snapshots.contains { $0.id == saved.id || $0.snapshot.original == saved.id }
  }
}
