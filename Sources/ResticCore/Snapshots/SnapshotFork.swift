/// A snapshot of this program from which the newest one does not descend, although both have a common ancestor.
///
/// The commit lock prevents this, except for a client that was stopped between its last check of the lock and saving,
/// and on a storage whose listings lag behind. The holder of the commit lock looks for forks before it saves, merges
/// them, and names them in `Snapshot.mergedParents`. So a snapshot that arrived late is hidden until then, but not
/// lost.
public struct SnapshotFork: Hashable, Sendable {
  /// The last snapshot of the fork.
  public let head: SavedSnapshot
  /// The snapshot from which both descend, which may have been forgotten; nil if there is none.
  public let base: SnapshotID?

  /// The forks beside `newest` among `snapshots`, the oldest first. Takes time in proportion to the number of snapshots.
  ///
  /// `snapshots` are the snapshots of this program that one filter chooses: restic's backups also name a parent, but
  /// the name means less. Snapshots saved as conflicts are not forks; the caller leaves them out. If there is no common
  /// ancestor, only `newcomers` are forks, because the caller knows that they are.
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

  /// Whether `newest` is the snapshot `id` or descends from it, as far as `snapshots` tell.
  public static func builds(_ newest: SavedSnapshot, upon id: SnapshotID, among snapshots: [SavedSnapshot]) -> Bool {
    lineage(of: newest, among: snapshots).contains(id)
  }

  /// `newest` and its ancestors, as far as `snapshots` tell, under all their names. Takes time proportional to the
  /// number of snapshots.
  public static func lineage(of newest: SavedSnapshot, among snapshots: [SavedSnapshot]) -> Set<SnapshotID> {
    SnapshotAncestry(of: newest, among: snapshots).lineage
  }
}
