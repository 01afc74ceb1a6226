import ResticCore

/// The state of a mount between two snapshots; guarded by `CommitCoordinator`. Only the methods change `base`, `sent`
/// and `phase`.
struct CommitState: Sendable {
  /// What the mount is doing.
  enum Phase: String, Sendable, Codable {
    /// As in the base snapshot.
    case clean
    /// There are uncommitted changes.
    case dirty
    /// A commit is under way.
    case committing
    /// Unmounted; the last commit is under way.
    case unmounting
  }

  /// The base of the mount's changes.
  private(set) var base: CommitBase
  /// Snapshots that were sent since the last successful commit, the oldest first, without a confirmation by the
  /// storage: any of them may be stored.
  private(set) var sent: [SentSnapshot] = []
  /// The phase.
  private(set) var phase: Phase = .clean
  /// The progress of the running commit.
  private(set) var progress: CommitProgress?
  /// When the last change was made.
  private(set) var lastChange: ContinuousClock.Instant = .now
  /// The result and time of the last successful commit.
  private(set) var lastCommit: (result: CommitResult, time: Timestamp)?
  /// Why and when the last commit failed, if it did.
  private(set) var lastError: (error: any Error, time: Timestamp)?
  /// The results of all commits.
  private(set) var counts = CommitCounts()
  /// The newest snapshot that the filter chooses, if its date is too far in the future.
  var ahead: SnapshotAhead?
  /// Set if the storage showed an older state at the last look than this machine has seen.
  var rollback: Rollback?
  /// Why and when the last look for a newer snapshot failed, if it did.
  var refreshError: (error: any Error, time: Timestamp)?
  /// The running commit.
  var task: Task<CommitResult, any Error>?
  /// The commit lock, while it is being taken for a future commit.
  var reservation: CommitReservation?
  /// Whether the commit is past the point of no return.
  var isSaving = false
  /// Whether others' snapshots must not be shown now, because a caller relies on what it has seen of the tree.
  var isRefreshHeld = false
  /// Whether nothing may be saved any more.
  var isDiscarded = false

  /// A mount that shows `base`.
  init(base: SavedSnapshot?, ahead: SnapshotAhead?, rollback: Rollback? = nil) {
    self.base = .newest(CommitBase.Shown(base))
    self.ahead = ahead
    self.rollback = rollback
  }

  /// Whether a commit has to check the outcome of earlier ones, even if nothing has changed since.
  var isInDoubt: Bool { base.known != nil || !sent.isEmpty }

  // MARK: Phases

  /// Records a change. Returns true for the first change since the mount was clean.
  mutating func noteChange() -> Bool {
    lastChange = .now
    guard phase == .clean else { return false }
    phase = .dirty
    return true
  }

  /// The mount is gone, and its last commit begins.
  mutating func beginUnmounting() { phase = .unmounting }

  /// A commit has frozen the tree, and is storing it.
  mutating func beginStoring(_ progress: CommitProgress) {
    if phase != .unmounting { phase = .committing }
    self.progress = progress
  }

  /// A commit was successful, or there was nothing to commit.
  mutating func noteClean() {
    phase = .clean
    progress = nil
  }

  /// A commit has ended with `result`, without an error.
  mutating func noteEnd(_ result: CommitResult, after duration: Duration) {
    lastError = nil
    guard case .saved = result else { return }
    counts.saved += 1
    counts.lastDuration = duration
  }

  /// A commit has failed: everything is as changed as before.
  mutating func noteFailure(_ error: any Error, at time: Timestamp) {
    lastError = (error, time)
    counts.failed += 1
    phase = .dirty
    progress = nil
  }

  // MARK: Snapshots

  /// A snapshot is being sent; unless `noteSaved` follows, it may or may not be stored.
  mutating func noteSending(_ snapshot: SentSnapshot) { sent.append(snapshot) }

  /// The storage has a snapshot that was sent.
  mutating func noteSaved(_ snapshot: SentSnapshot) { sent.removeAll { $0.saved.id == snapshot.saved.id } }

  /// A commit was successful.
  mutating func noteCommit(_ result: CommitResult, at time: Timestamp, wallTime: Timestamp) {
    sent = []
    rollback = nil
    lastCommit = (result, time)
    guard case .saved(let saved, let merge) = result else {
      if case .unconfirmed(let shown, _, let newer) = base {
        base = newer.map { .older(shown, than: $0) } ?? .newest(shown)
      }
      return
    }
    ahead = SnapshotAhead(saved, after: ahead, at: wallTime)
    // After a merge the mount still shows its own side; the refresh that follows shows the merged tree.
    base =
      merge.map { .older(CommitBase.Shown(saved, showing: $0.ours), than: saved) } ?? .newest(CommitBase.Shown(saved))
  }

  /// A commit has saved a snapshot that may not be part of the newest one. It becomes the base; the next commit checks.
  mutating func noteUnconfirmed(_ error: UnconfirmedSnapshot) {
    base = .unconfirmed(
      CommitBase.Shown(error.saved, showing: error.ours), known: error.known, newer: base.newer)
    // Snapshots sent before this one are part of it; those sent after it are not known to be stored.
    sent.removeAll { $0.saved.snapshot.time < error.saved.snapshot.time }
  }

  /// A look has found `newest`. If that is neither the shown snapshot nor one of this mount, it is newer.
  mutating func noteLook(_ newest: SavedSnapshot) {
    let isOurs = newest.snapshot.tree == base.shown.tree || sent.contains { $0.saved.id == newest.id }
    switch base {
    case .newest(let shown), .older(let shown, _): base = isOurs ? .newest(shown) : .older(shown, than: newest)
    case .unconfirmed(let shown, let known, _):
      base = .unconfirmed(shown, known: known, newer: isOurs ? nil : newest)
    }
  }

  /// The mount shows `snapshot`, which is the newest.
  mutating func noteShown(_ snapshot: SavedSnapshot) { base = .newest(CommitBase.Shown(snapshot)) }
}
