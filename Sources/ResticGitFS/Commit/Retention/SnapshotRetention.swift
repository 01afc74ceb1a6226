import ResticCore

/// Which snapshots of a mount are forgotten after a commit: those that a policy does not keep, but for some that clients need.
///
/// Only snapshot files go. Whoever works on a forgotten snapshot holds restic's shared lock, so no prune takes what it names; its
/// commit compares trees, which need no snapshot. What a client needs the snapshot itself for happens within minutes, so what
/// was saved lately stays:
/// 1. A client that lost the commit lock looks for its own snapshot in the newest one's ancestry (`SnapshotSaver`).
/// 2. A client that got no answer looks whether its snapshot arrived (`SentSnapshot`).
/// 3. A snapshot that arrives late is merged with the one that both come from as the base (`SnapshotFork`).
///
/// The ancestry that the look for forks follows must not be cut beside another path: of a late snapshot that was merged, all
/// that came since its base stays for as long as the merge does.
struct SnapshotRetention: Sendable {
  /// What is kept.
  let policy: RetentionPolicy

  /// Snapshots that were saved within this time before the newest one stay, in seconds.
  static let grace: Int64 = 3600

  /// Those of `group` that are to be forgotten, the oldest first. `group` are the snapshots of a mount that are ours, the oldest
  /// first; `shown` is what this mount shows.
  func removals(from group: [SavedSnapshot], shown: SnapshotID?, at now: Timestamp) -> [SavedSnapshot] {
    guard let newest = group.last else { return [] }
    // The next commit merges it first.
    guard SnapshotFork.forks(among: group, beside: newest).isEmpty else { return [] }
    let recent = min(now, newest.snapshot.time).adding(nanoseconds: -Self.grace * 1_000_000_000)
    let removals = policy.removals(from: group, at: now).filter { saved in
      saved.snapshot.time <= recent && saved.id != shown
    }
    return removals.isEmpty ? [] : Self.withoutMergedSpans(removals, of: group)
  }

  /// `removals` without what lies between a merge of late snapshots that stays and what those come from.
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
