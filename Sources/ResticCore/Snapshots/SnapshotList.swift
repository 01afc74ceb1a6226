/// The snapshots of a repository, and the snapshot files that cannot be read.
///
/// **A damaged snapshot file is ignored if it cannot be the newest** of the requested snapshots, that is if
/// - it cannot have been a snapshot of this repository (`DamagedFile.mayHaveBeenSound`), or
/// - a snapshot that descends from it is no newer than the newest readable one of the requested snapshots. That
///   descendant need not be requested itself: in any case, the damaged snapshot is older.
///
/// Any other damaged file may be the newest. Showing the snapshot before it, or saving on top of that one, may hide a
/// save that was reported as done. So `newest` throws then, as restic's `latest` does, until a person has restored or
/// removed the file. If an ignored file becomes readable later, its snapshot is a `SnapshotFork`, which the next commit
/// merges.
public struct SnapshotList: Sendable {
  /// The readable snapshots, the oldest first; those of one instant are ordered by id.
  public let snapshots: [SavedSnapshot]
  /// The others, by name.
  public let damaged: [DamagedFile]

  /// The snapshots that `isWanted`, the oldest first. Throws `.damaged` if the newest of them is not known, because it
  /// may be in a damaged file.
  public func matching(_ isWanted: (Snapshot) -> Bool) throws(RepositoryError) -> [SavedSnapshot] {
    let wanted = snapshots.filter { isWanted($0.snapshot) }
    guard let obstacle = possiblyNewer(than: wanted.last).first else { return wanted }
    throw .damaged(
      """
      \(obstacle.message), and it may be the newest snapshot: restore the file from a copy of the repository; if there is \
      no copy, remove the file; the previous snapshot is then the newest
      """)
  }

  /// The list without a snapshot that no longer exists.
  func without(_ id: SnapshotID) -> SnapshotList {
    SnapshotList(snapshots: snapshots.filter { $0.id != id }, damaged: damaged)
  }

  /// A list of `snapshots` in any order, none of them damaged.
  public init(_ snapshots: [SavedSnapshot]) {
    self.init(snapshots: snapshots.sorted { $1.isNewer(than: $0) }, damaged: [])
  }

  init(snapshots: [SavedSnapshot], damaged: [DamagedFile]) {
    self.snapshots = snapshots
    self.damaged = damaged
  }

  /// The list with `saved` as well, which is stored but not listed.
  public func adding(_ saved: SavedSnapshot) -> SnapshotList {
    let index = snapshots.lastIndex { saved.isNewer(than: $0) }.map { $0 + 1 } ?? 0
    return SnapshotList(snapshots: snapshots[..<index] + [saved] + snapshots[index...], damaged: damaged)
  }

  /// The damaged files that are ignored when all snapshots are requested. When fewer are requested, `matching` may
  /// throw because of one of these.
  var passedOver: [DamagedFile] {
    let obstacles = Set(possiblyNewer(than: snapshots.last))
    return damaged.filter { !obstacles.contains($0) }
  }

  /// The damaged files that may be snapshots newer than `newest`; a `newest` of nil is older than every snapshot.
  private func possiblyNewer(than newest: SavedSnapshot?) -> [DamagedFile] {
    let sound = damaged.filter(\.mayHaveBeenSound)
    guard !sound.isEmpty, let newest else { return sound }
    let older = snapshots.filter { $0.snapshot.time <= newest.snapshot.time }
    let built = Set(older.flatMap(\.predecessors).map(BackendFile.snapshot))
    return sound.filter { !built.contains($0.file) }
  }

  /// The newest snapshot that `isWanted`; nil if there is none. Throws as `matching` does.
  public func newest(where isWanted: (Snapshot) -> Bool) throws(RepositoryError) -> SavedSnapshot? {
    // Without damage, not all snapshots have to be examined.
    damaged.isEmpty ? snapshots.last { isWanted($0.snapshot) } : try matching(isWanted).last
  }
}

extension SavedSnapshot {
  /// The snapshots that this one descends from, and the one that it replaced.
  fileprivate var predecessors: [SnapshotID] {
    snapshot.mergedParents + [snapshot.parent, snapshot.original].compactMap { $0 }
  }
}
