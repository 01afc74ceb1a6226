import ResticCore

/// Where a mount stands between two snapshots; guarded by `CommitCoordinator`. What happens is noted by the methods, and nothing
/// else changes `base`, `sent` and `phase`.
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
  private(set) var base: CommitBase
  /// Snapshots that were sent since the last commit that went through, the oldest first, and of which the storage did not say
  /// that it has them: any of them may be there.
  private(set) var sent: [SentSnapshot] = []
  /// The phase.
  private(set) var phase: Phase = .clean
  /// How far the commit under way has come.
  private(set) var progress: CommitProgress?
  /// When the last change was made.
  private(set) var lastChange: ContinuousClock.Instant = .now
  /// What the last commit that went through came to, and when.
  private(set) var lastCommit: (result: CommitResult, time: Timestamp)?
  /// Why the last commit failed, if it did, and when.
  private(set) var lastError: (error: any Error, time: Timestamp)?
  /// What became of all commits.
  private(set) var counts = CommitCounts()
  /// The newest snapshot that the filter lets through, if that is dated too far ahead of the clock.
  var ahead: SnapshotAhead?
  /// That the storage shows an older state than this machine has seen, at the last look.
  var rollback: Rollback?
  /// Why the last look for a newer snapshot failed, if it did, and when.
  var refreshError: (error: any Error, time: Timestamp)?
  /// The commit under way.
  var task: Task<CommitResult, any Error>?
  /// The commit lock, while it is being taken for a commit that has not begun.
  var reservation: CommitReservation?
  /// Whether it is past the point of no return.
  var isSaving = false
  /// Whether nothing that others saved may be shown now: somebody relies on what he has seen of the tree.
  var isRefreshHeld = false
  /// Whether nothing is to be saved any more.
  var isDiscarded = false

  /// A mount that shows `base`.
  init(base: SavedSnapshot?, ahead: SnapshotAhead?, rollback: Rollback? = nil) {
    self.base = .newest(CommitBase.Shown(base))
    self.ahead = ahead
    self.rollback = rollback
  }

  /// Whether a commit has to look what became of earlier ones, though nothing may have changed since.
  var isInDoubt: Bool { base.known != nil || !sent.isEmpty }

  // MARK: Phases

  /// Something was changed. True for the first change since the mount was clean.
  mutating func noteChange() -> Bool {
    lastChange = .now
    guard phase == .clean else { return false }
    phase = .dirty
    return true
  }

  /// The mount is gone, and its last commit begins.
  mutating func beginUnmounting() { phase = .unmounting }

  /// A commit has frozen the tree, and stores it.
  mutating func beginStoring(_ progress: CommitProgress) {
    if phase != .unmounting { phase = .committing }
    self.progress = progress
  }

  /// A commit went through, or there was nothing to commit.
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

  /// A snapshot is sent; unless `noteSaved` follows, it may be there or not.
  mutating func noteSending(_ snapshot: SentSnapshot) { sent.append(snapshot) }

  /// The storage has a snapshot that was sent.
  mutating func noteSaved(_ snapshot: SentSnapshot) { sent.removeAll { $0.saved.id == snapshot.saved.id } }

  /// A commit went through.
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
    // After a merge the mount shows our side still; the refresh that follows shows the merged tree.
    base =
      merge.map { .older(CommitBase.Shown(saved, showing: $0.ours), than: saved) } ?? .newest(CommitBase.Shown(saved))
  }

  /// A commit has saved a snapshot that may not be in the newest one. It counts as the base; the next commit looks.
  mutating func noteUnconfirmed(_ error: UnconfirmedSnapshot) {
    base = .unconfirmed(
      CommitBase.Shown(error.saved, showing: error.ours), known: error.known, newer: base.newer)
    // What was sent before this one is in it; what was sent after it is not known to be there.
    sent.removeAll { $0.saved.snapshot.time < error.saved.snapshot.time }
  }

  /// A look has found `newest`. Where that is neither what is shown nor one of our own, it is newer.
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
