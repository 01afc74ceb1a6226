/// The results of a mount's commits.
struct CommitCounts: Hashable, Sendable {
  /// Commits that made a snapshot.
  var saved: UInt64 = 0
  /// Commits that failed.
  var failed: UInt64 = 0
  /// The duration of the last commit that made a snapshot; nil before the first.
  var lastDuration: Duration?
}
