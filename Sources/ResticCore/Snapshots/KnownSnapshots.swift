/// The snapshots of a repository that a process knows: those of the last list, in order, and others that it read or
/// saved.
///
/// A listing with few new names costs one lookup for each name: nothing is sorted or copied. A value; `Repository`
/// guards it.
struct KnownSnapshots: Sendable {
  /// How the known snapshots compare with one listing.
  struct Look: Sendable {
    /// The known snapshots that are listed, the oldest first.
    var sorted: [SavedSnapshot]
    /// The known snapshots that are listed and are not in the last list.
    var found: [SavedSnapshot]
    /// The listed snapshots that are not known and must be read.
    var unknown: [ListedSnapshot]
  }

  /// The maximum number of known snapshots outside the last list.
  private static let unlistedLimit = 4096

  /// The last list, the oldest first.
  private var sorted: [SavedSnapshot] = []
  /// The ids of the snapshots in `sorted`.
  private var ids: Set<SnapshotID> = []
  /// Known snapshots that are not in the last list.
  private var unlisted: [SnapshotID: Snapshot] = [:]
  /// Snapshots that another process has read, and that this process has not seen on the storage.
  private var unseen: Set<SnapshotID> = []
  /// Snapshots that the storage does not have, even if a listing names them.
  private var removed: Set<SnapshotID> = []

  /// Compares the known snapshots with `listing`.
  func look(at listing: SnapshotListing) -> Look {
    var look = Look(sorted: [], found: [], unknown: [])
    var count = 0
    for listed in listing.snapshots {
      if ids.contains(listed.id) {
        count += 1
      } else if removed.contains(listed.id) {
        continue
      } else if let snapshot = unlisted[listed.id] {
        look.found.append(SavedSnapshot(id: listed.id, snapshot: snapshot))
      } else {
        look.unknown.append(listed)
      }
    }
    look.sorted = count == sorted.count ? sorted : sorted.filter { listing.contains($0.id) }
    return look
  }

  /// The snapshot `id`; nil if it is not known.
  func snapshot(_ id: SnapshotID) -> Snapshot? {
    if let snapshot = unlisted[id] { return snapshot }
    guard ids.contains(id) else { return nil }
    return sorted.first { $0.id == id }?.snapshot
  }

  /// Remembers a snapshot that was read from the storage, or saved.
  mutating func note(_ id: SnapshotID, _ snapshot: Snapshot) {
    unseen.remove(id)
    removed.remove(id)
    guard !ids.contains(id) else { return }
    if unlisted.count >= Self.unlistedLimit { unlisted = [:] }
    unlisted[id] = snapshot
  }

  /// Remembers `list`, which has all snapshots of one listing. `recorded` are those of them that another process has
  /// read.
  mutating func keep(_ list: [SavedSnapshot], recorded: [SnapshotID]) {
    let isSame = list.count == sorted.count && recorded.isEmpty && unlisted.isEmpty
    // If no snapshot was added, a list of the same length is the same list.
    if isSame, list.last?.id == sorted.last?.id, list.first?.id == sorted.first?.id { return }
    let next = Set(list.lazy.map(\.id))
    for id in recorded where !ids.contains(id) && unlisted[id] == nil { unseen.insert(id) }
    if !unseen.isEmpty { unseen.formIntersection(next) }
    unlisted = unlisted.filter { !next.contains($0.key) }
    (sorted, ids) = (list, next)
  }

  /// Whether this process knows the snapshot only because another process has read it.
  func isUnseen(_ id: SnapshotID) -> Bool { unseen.contains(id) }

  /// Notes whether the storage has the snapshot.
  mutating func noteSeen(_ id: SnapshotID, isThere: Bool) {
    unseen.remove(id)
    if isThere { return }
    forget([id])
    removed.insert(id)
  }

  /// Forgets the snapshots `gone`, which were removed.
  mutating func forget(_ gone: Set<SnapshotID>) {
    for id in gone { unlisted[id] = nil }
    guard !ids.isDisjoint(with: gone) else { return }
    sorted.removeAll { gone.contains($0.id) }
    ids.subtract(gone)
  }
}
