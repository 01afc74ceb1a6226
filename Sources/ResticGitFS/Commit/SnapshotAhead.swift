import ResticCore

/// A newest snapshot that is dated more than a day ahead of this machine's clock.
///
/// Such a snapshot hides every snapshot with a correct date, here and in restic's `latest`. A mount shows it and
/// follows it; a person should know.
struct SnapshotAhead: Hashable, Sendable {
  /// A larger difference is not caused by ordinary clock drift.
  private static let tolerance: Int64 = 86_400
  /// How many snapshots a message names.
  private static let longestList = 10

  /// The newest snapshot.
  let newest: SavedSnapshot
  /// Older snapshots that are also dated ahead, and whose content the newest holds.
  let held: [SavedSnapshot]
  /// The time of this machine's clock.
  let now: Timestamp

  /// Nil unless the last of `snapshots`, which are ordered by time, is ahead of `now`.
  init?(among snapshots: [SavedSnapshot], at now: Timestamp) {
    guard let newest = snapshots.last, Self.isAhead(newest, of: now) else { return nil }
    self.newest = newest
    self.now = now
    let lineage = SnapshotFork.lineage(of: newest, among: snapshots)
    held = snapshots.dropLast().filter { Self.isAhead($0, of: now) && lineage.contains($0.id) }
  }

  /// The snapshots ahead after `saved` was saved as the newest, following `earlier`; nil if `saved` is not ahead.
  init?(_ saved: SavedSnapshot, after earlier: SnapshotAhead?, at now: Timestamp) {
    guard Self.isAhead(saved, of: now) else { return nil }
    newest = saved
    self.now = now
    held = earlier.map { $0.held + [$0.newest] }?.filter { $0.id != saved.id } ?? []
  }

  /// Whether `saved` is dated more than a day after `now`.
  static func isAhead(_ saved: SavedSnapshot, of now: Timestamp) -> Bool {
    saved.snapshot.time.seconds > now.seconds + tolerance
  }

  /// What a person should know and can do, in one line.
  var message: String {
    let start = """
      snapshot \(newest.id.short) is dated \(newest.snapshot.time.rfc3339), ahead of this machine's clock \
      (\(now.rfc3339)), and hides every snapshot with a correct date: \(newest.remedy(at: now))
      """
    guard !held.isEmpty else { return start }
    let names = held.suffix(Self.longestList).map(\.id.short).joined(separator: " ")
    let rest = held.count - min(held.count, Self.longestList)
    return start
      + "; once it is re-dated, `restic forget \(names)` removes the snapshots that it contains and that are dated ahead as well"
      + (rest > 0 ? " (and \(rest) more, see `restic snapshots`)" : "")
  }
}
