import ResticCore

/// The snapshot from which a mount's changes are counted, and how certain it is that there is no newer one.
enum CommitBase: Sendable {
  /// The state that an unchanged mount shows.
  struct Shown: Hashable, Sendable {
    /// The newest snapshot that is known to be part of it: the parent of the next snapshot, which also gets its paths
    /// and tags.
    var snapshot: SavedSnapshot?
    /// The tree; after a merge, this mount's own tree until the mount shows the merged one.
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

  /// The last look found nothing newer.
  case newest(Shown)
  /// The last look found a newer snapshot, which the mount does not show.
  case older(Shown, than: SavedSnapshot)
  /// The snapshot is saved, but is not known to be part of the newest one (`UnconfirmedSnapshot`). The snapshots
  /// `known` existed before it was saved; `newer` is as in `older`.
  case unconfirmed(Shown, known: Set<SnapshotID>, newer: SavedSnapshot?)

  /// The state that an unchanged mount shows.
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

  /// The snapshots that existed before an unconfirmed one was saved; nil for the other cases.
  var known: Set<SnapshotID>? {
    if case .unconfirmed(_, let known, _) = self { known } else { nil }
  }
}
