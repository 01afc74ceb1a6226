import ResticCore

/// Where a mount stands between two snapshots; guarded by `CommitCoordinator`.
struct CommitState: Sendable {
  /// What the mount is doing.
  enum Phase: String, Sendable, Codable {
    /// As in the base snapshot.
    case clean
    /// Something is not committed.
    case dirty
    /// A commit is under way.
    case committing
    /// Unmounted; the last commit is under way.
    case unmounting
  }

  /// The snapshot that the mount shows, and changes count from.
  var base: SavedSnapshot?
  /// The phase.
  var phase: Phase = .clean
  /// When the last change was made.
  var lastChange: ContinuousClock.Instant = .now
  /// How far the commit under way has come.
  var progress: CommitProgress?
  /// Whether the snapshot is being saved.
  var isSaving = false
  /// Whether nothing is to be saved any more.
  var isDiscarded = false
  /// What the last commit that went through came to, and when.
  var lastCommit: (result: CommitResult, time: Timestamp)?
  /// Why the last commit failed, if it did, and when.
  var lastError: (error: any Error, time: Timestamp)?
}

/// What a commit came to.
enum CommitResult: Hashable, Sendable {
  /// There was nothing to save. The base snapshot, if there is one.
  case unchanged(SnapshotID?)
  /// A new snapshot, the latest.
  case saved(SnapshotID)
  /// The base had moved: ours was saved as the first, tagged `conflict`; the second is and stays the latest.
  case conflict(SnapshotID, newest: SnapshotID)
}
