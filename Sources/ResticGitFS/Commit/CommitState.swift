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

  /// What the mount's changes count from.
  struct Base: Hashable, Sendable {
    /// The newest snapshot that is known to be in it: the next one's parent, whose paths and tags are carried on.
    var snapshot: SavedSnapshot?
    /// The tree; after a merge that of our side, until the mount shows the merged one.
    var tree: BlobID?

    /// A mount that shows `snapshot`.
    init(_ snapshot: SavedSnapshot?) {
      self.snapshot = snapshot
      tree = snapshot?.snapshot.tree
    }
  }

  /// What the mount shows where nothing is changed.
  var base: Base
  /// The snapshots that were there before the base snapshot was saved, if that is not confirmed (`UnconfirmedSnapshot`).
  var unconfirmed: Set<SnapshotID>?
  /// Snapshots that were sent since the last commit that went through, the oldest first, and of which the storage did not say
  /// that it has them: any of them may be there.
  var sent: [SentSnapshot] = []
  /// The newest snapshot of the same thing at the last look, if the mount does not show it.
  var newer: SavedSnapshot?
  /// The newest snapshot that the filter lets through, if that is dated too far ahead of the clock.
  var ahead: SnapshotAhead?
  /// Why the last look for a newer snapshot failed, if it did, and when.
  var refreshError: (error: any Error, time: Timestamp)?
  /// The phase.
  var phase: Phase = .clean
  /// When the last change was made.
  var lastChange: ContinuousClock.Instant = .now
  /// How far the commit under way has come.
  var progress: CommitProgress?
  /// The commit under way.
  var task: Task<CommitResult, any Error>?
  /// The commit lock, while it is being taken for a commit that has not begun.
  var reservation: CommitReservation?
  /// Whether it is past the point of no return.
  var isSaving = false
  /// Whether nothing is to be saved any more.
  var isDiscarded = false
  /// What the last commit that went through came to, and when.
  var lastCommit: (result: CommitResult, time: Timestamp)?
  /// Why the last commit failed, if it did, and when.
  var lastError: (error: any Error, time: Timestamp)?

  /// Whether a commit has to look what became of earlier ones, though nothing may have changed since.
  var isInDoubt: Bool { unconfirmed != nil || !sent.isEmpty }
}
