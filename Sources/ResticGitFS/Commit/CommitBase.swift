import ResticCore

/// What a mount's changes count from, and how sure it is that nothing newer is there.
enum CommitBase: Sendable {
  /// What is shown where nothing is changed.
  struct Shown: Hashable, Sendable {
    /// The newest snapshot that is known to be in it: the next one's parent, whose paths and tags are carried on.
    var snapshot: SavedSnapshot?
    /// The tree; after a merge that of our side, until the mount shows the merged one.
    var tree: BlobID?

    /// A mount that shows `snapshot`.
    init(_ snapshot: SavedSnapshot?) {
      self.snapshot = snapshot
      tree = snapshot?.snapshot.tree
    }

    /// A mount that shows `tree`, which is in `snapshot`.
    init(_ snapshot: SavedSnapshot, showing tree: BlobID) {
      self.snapshot = snapshot
      self.tree = tree
    }
  }

  /// At the last look nothing newer was there.
  case newest(Shown)
  /// At the last look there was a newer snapshot, which the mount does not show.
  case older(Shown, than: SavedSnapshot)
  /// The snapshot is saved, and not known to be in the newest one (`UnconfirmedSnapshot`). `known` were there before it was saved;
  /// `newer` as in `older`.
  case unconfirmed(Shown, known: Set<SnapshotID>, newer: SavedSnapshot?)

  /// What is shown where nothing is changed.
  var shown: Shown {
    switch self {
    case .newest(let shown), .older(let shown, _), .unconfirmed(let shown, _, _): shown
    }
  }

  /// The newest snapshot at the last look, if the mount does not show it.
  var newer: SavedSnapshot? {
    switch self {
    case .newest: nil
    case .older(_, let newer): newer
    case .unconfirmed(_, _, let newer): newer
    }
  }

  /// The snapshots that were there before an unconfirmed one was saved; nil for any other.
  var known: Set<SnapshotID>? {
    if case .unconfirmed(_, let known, _) = self { known } else { nil }
  }
}
