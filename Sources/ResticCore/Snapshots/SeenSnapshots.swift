/// What a machine has seen of a repository: the newest snapshot of each group, and the missing snapshots whose loss its
/// user has accepted.
///
/// A group is what restic's `--host`, `--path` and `--tag` can select: one host, one set of paths and one set of tags.
/// However a mount selects its snapshots, the newest of them that was seen is the newest of some group.
public struct SeenSnapshots: Hashable, Sendable {
  /// The maximum number of groups. Groups that the caller prefers are kept first, then those with the newest snapshots.
  static let groupLimit = 64
  /// The maximum number of snapshots that are remembered as given up. The latest are kept.
  static let givenUpLimit = 64

  /// The newest snapshot of each group, the oldest first, reduced to content, time, group and ancestry.
  public private(set) var newest: [SavedSnapshot] = []
  /// Snapshots that were seen and are gone, and whose loss the user has accepted. The latest is at the end.
  public private(set) var givenUp: [SnapshotID] = []

  /// Creates an empty value.
  public init() {}

  init(newest: [SavedSnapshot], givenUp: [SnapshotID]) {
    self.newest = newest
    self.givenUp = givenUp
  }

  /// Notes that the storage has `snapshots`, the oldest first. A snapshot changes the value only if it is newer than
  /// the newest one of its group. If there are more groups than `groupLimit`, those that `isPreferred` accepts are
  /// kept.
  public mutating func note(
    _ snapshots: some BidirectionalCollection<SavedSnapshot>,
    preferring isPreferred: (Snapshot) -> Bool = { _ in false }
  ) {
    var byGroup = Dictionary(newest.map { (Group($0.snapshot), $0) }, uniquingKeysWith: { first, _ in first })
    var groups: Set<Group> = []
    var last: Snapshot?
    for saved in snapshots.reversed() {
      // Usually consecutive snapshots are of one group, and comparing their words is cheaper than building sets.
      if let last, last.hasSameGroupWords(as: saved.snapshot) { continue }
      last = saved.snapshot
      let group = Group(saved.snapshot)
      guard groups.insert(group).inserted else { continue }
      if let known = byGroup[group], !saved.isNewer(than: known) { continue }
      byGroup[group] = saved.essence
    }
    var sorted = byGroup.values.sorted { $1.isNewer(than: $0) }
    if sorted.count > Self.groupLimit {
      let preferred = sorted.filter { isPreferred($0.snapshot) }.suffix(Self.groupLimit)
      let others = sorted.filter { !isPreferred($0.snapshot) }.suffix(Self.groupLimit - preferred.count)
      sorted = (preferred + others).sorted { $1.isNewer(than: $0) }
    }
    newest = sorted
    let ids = Set(newest.map(\.id))
    givenUp.removeAll { ids.contains($0) }
  }

  /// Notes that the user has accepted the loss of `ids`.
  public mutating func giveUp(_ ids: Set<SnapshotID>) {
    newest.removeAll { ids.contains($0.id) }
    givenUp = Array((givenUp.filter { !ids.contains($0) } + ids.sorted()).suffix(Self.givenUpLimit))
  }

  /// What a filter can use to tell snapshots apart. Texts are compared by their bytes, as in restic.
  private struct Group: Hashable {
    let host: Name
    let paths: Set<Name>
    let tags: Set<Name>

    init(_ snapshot: Snapshot) {
      host = Name(snapshot.hostname)
      paths = Set(snapshot.paths.map { Name($0) })
      tags = Set(snapshot.tags.map { Name($0) })
    }
  }
}

extension SavedSnapshot {
  /// Whether this snapshot comes after `other` in the order of snapshots: by time, then by id.
  public func isNewer(than other: SavedSnapshot) -> Bool {
    (snapshot.time, id) > (other.snapshot.time, other.id)
  }

  /// The snapshot reduced to its content, time, group and ancestry.
  fileprivate var essence: SavedSnapshot {
    var slim = Snapshot(
      time: snapshot.time, parent: snapshot.parent, tree: snapshot.tree, paths: snapshot.paths,
      hostname: snapshot.hostname, tags: snapshot.tags, original: snapshot.original,
      programVersion: snapshot.programVersion)
    slim.mergedParents = snapshot.mergedParents
    return SavedSnapshot(id: id, snapshot: slim)
  }
}

extension Snapshot {
  /// Whether host, paths and tags are equal byte for byte and in the same order.
  fileprivate func hasSameGroupWords(as other: Snapshot) -> Bool {
    hostname.isSame(as: other.hostname) && paths.elementsEqual(other.paths) { $0.isSame(as: $1) }
      && tags.elementsEqual(other.tags) { $0.isSame(as: $1) }
  }
}

extension String {
  /// Whether both have the same bytes. Swift holds texts equal that only look the same.
  fileprivate func isSame(as other: String) -> Bool {
    self == other && utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8)
  }
}
