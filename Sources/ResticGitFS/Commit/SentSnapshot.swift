import ResticCore

/// A snapshot that a commit has sent, and of which the commit does not know that it arrived: the storage's answer was lost.
/// It may be there, or come later.
struct SentSnapshot: Sendable {
  /// What was sent.
  let sealed: SealedSnapshot
  /// Our side's tree, which the snapshot holds.
  let ours: BlobID
  /// What was merged in it, if anything was.
  let merge: CommitResult.Merge?

  /// The snapshot under the name it was sent with.
  var saved: SavedSnapshot { sealed.saved }

  /// Whether it is among `snapshots`, possibly with other tags and so another name.
  func isListed(in snapshots: [SavedSnapshot]) -> Bool {
    snapshots.contains { $0.id == saved.id || $0.snapshot.original == saved.id }
  }
}
