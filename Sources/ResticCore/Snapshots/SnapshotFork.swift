/// A snapshot of ours that the newest one does not build upon, though both come from the same earlier one.
///
/// The commit lock keeps that from happening, except for a client that was stopped between its last look at the lock and
/// the saving, and on storage whose listings lag behind. Whoever holds the commit lock looks for forks before it saves,
/// merges them, and names them in `Snapshot.mergedParents`: so a snapshot that arrived late is hidden until then, not lost.
public struct SnapshotFork: Hashable, Sendable {
  /// The last snapshot of the fork.
  public let head: SavedSnapshot
  /// The snapshot that both build upon, which may have been forgotten; nil where there is none.
  public let base: SnapshotID?

  /// The forks beside `newest` among `snapshots`, the oldest first.
  ///
  /// `snapshots` are those that one filter lets through and that were made by this program: restic's backups name a parent,
  /// too, and mean less by it. Snapshots saved as conflicts are no forks; the caller leaves them out. Without an earlier
  /// snapshot that both come from, only `newcomers` are forks, for of those the caller knows that they are.
  public static func forks(
    among snapshots: [SavedSnapshot], beside newest: SavedSnapshot, newcomers: Set<SnapshotID> = []
  ) -> [SnapshotFork] {
    let byID = byID(snapshots + [newest])
    let lineage = lineage(of: newest, byID)
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
      guard base != nil || newcomers.contains(saved.id) else { continue }
      inner.formUnion(seen)
      forks.append(SnapshotFork(head: saved, base: base))
    }
    return forks.filter { !inner.contains($0.head.id) }
  }

  /// Whether `newest` is the snapshot `id` or builds upon it, as far as `snapshots` tell.
  public static func builds(_ newest: SavedSnapshot, upon id: SnapshotID, among snapshots: [SavedSnapshot]) -> Bool {
    lineage(of: newest, byID(snapshots + [newest])).contains(id)
  }

  /// A snapshot that was tagged or rewritten has a new name; its children know the old one.
  private static func byID(_ snapshots: [SavedSnapshot]) -> [SnapshotID: SavedSnapshot] {
    var byID: [SnapshotID: SavedSnapshot] = [:]
    for saved in snapshots {
      if let original = saved.snapshot.original { byID[original] = saved }
    }
    for saved in snapshots { byID[saved.id] = saved }
    return byID
  }

  /// What `newest` contains: itself and what it builds upon, under old names and new ones.
  private static func lineage(
    of newest: SavedSnapshot, _ byID: [SnapshotID: SavedSnapshot]
  ) -> Set<SnapshotID> {
    var lineage: Set<SnapshotID> = []
    var open = [newest.id]
    while let id = open.popLast() {
      guard lineage.insert(id).inserted, let saved = byID[id] else { continue }
      open += saved.parents
      if let original = saved.snapshot.original { lineage.insert(original) }
      lineage.insert(saved.id)
    }
    return lineage
  }
}

extension SavedSnapshot {
  fileprivate var parents: [SnapshotID] { snapshot.mergedParents + (snapshot.parent.map { [$0] } ?? []) }
}
