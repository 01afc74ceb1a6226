import ProgramVersion
import ResticCore

/// The storage shows an older state of a repository than this machine has seen.
///
/// A snapshot that was seen as the newest one **is still there** if
/// 1. it is listed, or a listed snapshot was made from the same one by `restic tag` or `restic rewrite` (`original`, or
///    the same tree at the same time); or
/// 2. a listed snapshot names it as its parent, as merged into it, or as the snapshot that it replaced: the client that
///    saved the listed snapshot had it, so the storage is not older; or
/// 3. the newest selected snapshot has the same tree; or
/// 4. a newer selected snapshot is listed, and nothing shows that it was made without the snapshot that was seen. If a
///    snapshot of this program follows a listed older one, or none at all, that shows it: otherwise it would follow the
///    snapshot that was seen, or a later one. If its parent is gone, as after retention, nothing is shown.
///
/// Everything else is a rollback. So is a `restic forget` of the newest snapshot: a storage from before that snapshot
/// was saved looks the same.
struct Rollback: Hashable, Sendable {
  /// The newest snapshot that this machine has seen.
  let seen: SavedSnapshot
  /// The newest snapshot that the storage shows; nil if it shows none.
  let shown: SavedSnapshot?

  /// Nil unless `list` is older than `seen`, as far as the snapshots that `isWanted` accepts are concerned. The storage
  /// may still have the snapshot (`RollbackWatch`).
  init?(seen: SavedSnapshot, in list: SnapshotList, where isWanted: (Snapshot) -> Bool) {
    // Usually the newest snapshot is the one that was seen, so the search begins there.
    let isThere = list.snapshots.reversed().contains { $0.speaks(of: seen) }
    if isThere { return nil }
    let wanted = list.snapshots.filter { isWanted($0.snapshot) }
    if wanted.last?.snapshot.tree == seen.snapshot.tree { return nil }
    let parents = Parents(list.snapshots)
    if wanted.contains(where: { $0.isNewer(than: seen) && !parents.show($0, madeWithout: seen) }) { return nil }
    self.seen = seen
    shown = wanted.last
  }

  /// The beginning of a sentence: what the storage shows and what this machine has seen.
  var message: String {
    let known = "\(seen.snapshot.time.localText) (snapshot \(seen.id.short))"
    guard let shown else { return "the storage shows no snapshot, this machine has seen \(known)" }
    let state = "\(shown.snapshot.time.localText) (snapshot \(shown.id.short))"
    return shown.isNewer(than: seen)
      ? "the storage shows \(state), which was made without what this machine has seen: \(known)"
      : "the storage shows an older state: it shows \(state), this machine has seen \(known)"
  }

  /// Which snapshot follows which.
  private struct Parents {
    /// Snapshots by all their names: a snapshot that was tagged or rewritten has a new id, and its children know the
    /// old id.
    private let byName: [SnapshotID: SavedSnapshot]

    init(_ snapshots: [SavedSnapshot]) {
      var byName: [SnapshotID: SavedSnapshot] = [:]
      byName.reserveCapacity(snapshots.count)
      for saved in snapshots { if let original = saved.snapshot.original { byName[original] = saved } }
      for saved in snapshots { byName[saved.id] = saved }
      self.byName = byName
    }

    /// Whether `newer`, or a snapshot that it follows, was made without `seen` although `seen` should have existed by
    /// then.
    func show(_ newer: SavedSnapshot, madeWithout seen: SavedSnapshot) -> Bool {
      var next = newer
      var visited: Set<SnapshotID> = []
      while next.isNewer(than: seen), visited.insert(next.id).inserted {
        guard next.snapshot.isOfThisProgram, next.snapshot.isAlike(seen.snapshot) else { return false }
        // restic's `copy` drops the parent.
        guard let parent = next.snapshot.parent else { return next.snapshot.original == nil }
        guard let known = byName[parent] else { return false }
        next = known
      }
      return !next.isNewer(than: seen)
    }
  }
}

extension SavedSnapshot {
  /// Whether this snapshot is `other` under any id, or was made by a client that had `other`.
  fileprivate func speaks(of other: SavedSnapshot) -> Bool {
    other.hasName(id) || other.hasName(snapshot.original) || other.hasName(snapshot.parent)
      || snapshot.mergedParents.contains { other.hasName($0) }
      || snapshot.tree == other.snapshot.tree && snapshot.time == other.snapshot.time
  }

  /// Whether the snapshot has the id `id`, or had it before it was tagged or rewritten.
  private func hasName(_ id: SnapshotID?) -> Bool {
    guard let id else { return false }
    return id == self.id || id == snapshot.original
  }
}

extension Snapshot {
  /// Whether both snapshots have the same paths, compared by their bytes.
  func hasPaths(of other: Snapshot) -> Bool {
    Set(paths.map { Name($0) }) == Set(other.paths.map { Name($0) })
  }

  /// Whether a mount saved this snapshot.
  var isOfThisProgram: Bool { programVersion.hasPrefix(Version.program) }

  /// Whether a mount that follows one of the two snapshots also follows the other.
  fileprivate func isAlike(_ other: Snapshot) -> Bool {
    hasPaths(of: other) && Set(tags.map { Name($0) }) == Set(other.tags.map { Name($0) })
  }
}
