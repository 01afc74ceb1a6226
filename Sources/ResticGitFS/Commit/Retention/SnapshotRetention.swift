import ResticCore

/// Which snapshots of a mount are forgotten after a commit: those that the policy does not keep, except some that
/// clients need.
///
/// Only snapshot files are removed. A client that works on a forgotten snapshot holds restic's shared lock, so no prune
/// removes its data; its commit compares trees, which does not need the snapshot file. Clients need the file itself
/// only for some minutes, so recently saved snapshots stay:
/// 1. A client that lost the commit lock looks for its own snapshot among the newest one's ancestors (`SnapshotSaver`).
/// 2. A client that got no answer checks whether its snapshot arrived (`SentSnapshot`).
/// 3. A snapshot that arrives late is merged, with the common ancestor as the base (`SnapshotFork`).
///
/// The search for forks follows the ancestry, which must not be cut beside another path: while the merge of a late
/// snapshot stays, all snapshots since its base stay.
struct SnapshotRetention: Sendable {
  /// The snapshots to keep.
  let policy: RetentionPolicy

  /// Snapshots saved within this many seconds before the newest one stay.
  static let grace: Int64 = 3600

  /// The snapshots of `group` to forget, the oldest first. `group` has this program's snapshots of a mount, the oldest
  /// first; `shown` is the snapshot that this mount shows.
  func removals(from group: [SavedSnapshot], shown: SnapshotID?, at now: Timestamp) -> [SavedSnapshot] {
    guard let newest = group.last else { return [] }
    // The next commit merges forks first.
    guard SnapshotFork.forks(among: group, beside: newest).isEmpty else { return [] }
    let recent = min(now, newest.snapshot.time).adding(nanoseconds: -Self.grace * 1_000_000_000)
    let removals = policy.removals(from: group, at: now).filter { saved in
      saved.snapshot.time <= recent && saved.id != shown
    }
    return removals.isEmpty ? [] : Self.withoutMergedSpans(removals, of: group)
  }

  /// `removals` without the snapshots between a remaining merge of late snapshots and their bases.
  private static func withoutMergedSpans(_ removals: [SavedSnapshot], of group: [SavedSnapshot]) -> [SavedSnapshot] {
    let merges = group.filter { !$0.snapshot.mergedParents.isEmpty }
    guard !merges.isEmpty else { return removals }
    let byID = Dictionary(group.lazy.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    let spans = merges.map { merge in
      let times = merge.snapshot.mergedParents.flatMap { id in
        let late = byID[id]
        return [late, late?.snapshot.parent.flatMap { byID[$0] }].compactMap { $0?.snapshot.time }
      }
      return (merge: merge, first: times.min() ?? merge.snapshot.time)
    }
    var rest = removals
    while true {
      let ids = Set(rest.map(\.id))
      let staying = spans.filter { !ids.contains($0.merge.id) }
      let next = rest.filter { saved in
        let time = saved.snapshot.time
        return !staying.contains { $0.first <= time && time <= $0.merge.snapshot.time }
      }
      if next.count == rest.count { return rest }
      rest = next
    }
  }
}
