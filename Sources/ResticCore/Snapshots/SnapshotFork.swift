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

  /// The forks beside `newest` among `snapshots`, the oldest first. Takes time in proportion to the number of snapshots.
  ///
  /// `snapshots` are those that one filter lets through and that were made by this program: restic's backups name a parent,
  /// too, and mean less by it. Snapshots saved as conflicts are no forks; the caller leaves them out. Without an earlier
  /// snapshot that both come from, only `newcomers` are forks, for of those the caller knows that they are.
  public static func forks(
    among snapshots: [SavedSnapshot], beside newest: SavedSnapshot, newcomers: Set<SnapshotID> = []
  ) -> [SnapshotFork] {
    let ancestry = SnapshotAncestry(of: newest, among: snapshots)
    let bases = ancestry.bases()
    let candidates = snapshots.filter { saved in
      !ancestry.lineage.contains(saved.id) && (bases[saved.id] != nil || newcomers.contains(saved.id))
    }
    let inner = ancestry.ancestors(of: candidates)
    return candidates.filter { !inner.contains($0.id) }.map { SnapshotFork(head: $0, base: bases[$0.id]) }
  }

  /// Whether `newest` is the snapshot `id` or builds upon it, as far as `snapshots` tell.
  public static func builds(_ newest: SavedSnapshot, upon id: SnapshotID, among snapshots: [SavedSnapshot]) -> Bool {
    lineage(of: newest, among: snapshots).contains(id)
  }

  /// `newest` and the snapshots that it builds upon, as far as `snapshots` tell, under all their names. Takes time in
  /// proportion to the number of snapshots.
  public static func lineage(of newest: SavedSnapshot, among snapshots: [SavedSnapshot]) -> Set<SnapshotID> {
    SnapshotAncestry(of: newest, among: snapshots).lineage
  }
}
