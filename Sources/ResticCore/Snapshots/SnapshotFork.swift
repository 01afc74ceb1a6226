/// A snapshot of ours that the newest one does not build upon, though both come from the same earlier one.
///
/// The commit lock keeps that from happening, except for a client that was stopped between its last look at the lock and
/// the saving, and on storage whose listings lag behind. Whoever holds the commit lock looks for forks before it saves,
/// merges them, and names them in `Snapshot.mergedParents`: so a snapshot that arrived late is hidden until then, not lost.
public struct SnapshotFork: Hashable, Sendable {
  /// The last snapshot of the fork.
  public let head: SavedSnapshot
  /// The snapshot that both build upon. It may have been forgotten.
  public let base: SnapshotID

  /// The forks beside `newest` among `snapshots`, the oldest first.
  ///
  /// `snapshots` are those that one filter lets through and that were made by this program: restic's backups name a parent,
  /// too, and mean less by it. Snapshots saved as conflicts are no forks; the caller leaves them out.
  public static func forks(among snapshots: [SavedSnapshot], beside newest: SavedSnapshot) -> [SnapshotFork] {
    // A snapshot that was tagged or rewritten has a new name; its children know the old one.
    var byID: [SnapshotID: SavedSnapshot] = [:]
    for saved in snapshots + [newest] {
      if let original = saved.snapshot.original { byID[original] = saved }
    }
    for saved in snapshots + [newest] { byID[saved.id] = saved }

    var lineage: Set<SnapshotID> = []
    var open = [newest.id]
    while let id = open.popLast() {
      guard lineage.insert(id).inserted, let saved = byID[id] else { continue }
      open += saved.parents
      if let original = saved.snapshot.original { lineage.insert(original) }
      lineage.insert(saved.id)
    }

    var forks: [SnapshotFork] = []
    var inner: Set<SnapshotID> = []
    for saved in snapshots where !lineage.contains(saved.id) {
      var seen: Set<SnapshotID> = []
      var open = saved.parents
      var base: SnapshotID?
      while let id = open.popLast() {
        guard !lineage.contains(id) else {
          base = base ?? id
          continue
        }
        guard seen.insert(id).inserted, let parent = byID[id] else { continue }
        seen.insert(parent.id)
        open += parent.parents
      }
      guard let base else { continue }
      inner.formUnion(seen)
      forks.append(SnapshotFork(head: saved, base: base))
    }
    return forks.filter { !inner.contains($0.head.id) }
  }
}

extension SavedSnapshot {
  fileprivate var parents: [SnapshotID] { snapshot.mergedParents + (snapshot.parent.map { [$0] } ?? []) }
}
