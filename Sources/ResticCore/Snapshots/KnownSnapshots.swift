/// The snapshots that a process knows of a repository: those of the last list, in order, and others that were read or saved.
///
/// A listing with few new names costs a look at each name: nothing is sorted or copied. A value; `Repository` guards it.
struct KnownSnapshots: Sendable {
  /// What one listing says of what is known.
  struct Look: Sendable {
    /// The known snapshots that are listed, the oldest first.
    var sorted: [SavedSnapshot]
    /// Known snapshots that are listed and are in no list yet.
    var found: [SavedSnapshot]
    /// What has to be read.
    var unknown: [ListedSnapshot]
  }

  /// So many snapshots that are in no list are kept at most.
  private static let unlistedLimit = 4096

  /// The last list, the oldest first.
  private var sorted: [SavedSnapshot] = []
  /// Those in `sorted`.
  private var ids: Set<SnapshotID> = []
  /// Known snapshots that are in no list yet.
  private var unlisted: [SnapshotID: Snapshot] = [:]
  /// Of those that another process has read: which were not seen on the storage by this one.
  private var unseen: Set<SnapshotID> = []
  /// Those that the storage does not have, whatever its listings say.
  private var removed: Set<SnapshotID> = []

  /// What is known of the snapshots in `listing`.
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

  /// The snapshot `id`, if it is known.
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

  /// Remembers `list`, made of all that one listing has. `recorded` are those in it that another process has read.
  mutating func keep(_ list: [SavedSnapshot], recorded: [SnapshotID]) {
    let isSame = list.count == sorted.count && recorded.isEmpty && unlisted.isEmpty
    // Nothing was added: then a list of the same length is the same.
    if isSame, list.last?.id == sorted.last?.id, list.first?.id == sorted.first?.id { return }
    let next = Set(list.lazy.map(\.id))
    for id in recorded where !ids.contains(id) && unlisted[id] == nil { unseen.insert(id) }
    if !unseen.isEmpty { unseen.formIntersection(next) }
    unlisted = unlisted.filter { !next.contains($0.key) }
    (sorted, ids) = (list, next)
  }

  /// Whether this process has only another one's word that the snapshot was there.
  func isUnseen(_ id: SnapshotID) -> Bool { unseen.contains(id) }

  /// The storage has the snapshot, or does not have it.
  mutating func noteSeen(_ id: SnapshotID, isThere: Bool) {
    unseen.remove(id)
    if isThere { return }
    forget([id])
    removed.insert(id)
  }

  /// The snapshots were removed.
  mutating func forget(_ gone: Set<SnapshotID>) {
    for id in gone { unlisted[id] = nil }
    guard !ids.isDisjoint(with: gone) else { return }
    sorted.removeAll { gone.contains($0.id) }
    ids.subtract(gone)
  }
}
