/// What a machine has seen of a repository: the newest snapshot of each group, and which snapshots its user has given up.
///
/// A group is what restic's `--host`, `--path` and `--tag` can choose: one host, one set of paths and one set of tags. However
/// a mount chooses its snapshots, the newest one that was seen of them is the newest of some group.
public struct SeenSnapshots: Hashable, Sendable {
  /// So many groups are remembered: first those that the caller prefers, and those with the newest snapshots.
  static let groupLimit = 64
  /// So many snapshots are remembered as given up; the last ones.
  static let givenUpLimit = 64

  /// The newest snapshot of each group, the oldest first. They lack what says nothing of content, time and ancestry.
  public private(set) var newest: [SavedSnapshot] = []
  /// Snapshots that were seen, are gone, and whose loss was accepted; the last one is at the end.
  public private(set) var givenUp: [SnapshotID] = []

  /// Nothing.
  public init() {}

  init(newest: [SavedSnapshot], givenUp: [SnapshotID]) {
    self.newest = newest
    self.givenUp = givenUp
  }

  /// `snapshots`, the oldest first, are there. Only what is newer than the newest one of its group changes anything. Where there
  /// are more groups than are remembered, those that `isPreferred` stay.
  public mutating func note(
    _ snapshots: some BidirectionalCollection<SavedSnapshot>,
    preferring isPreferred: (Snapshot) -> Bool = { _ in false }
  ) {
    var byGroup = Dictionary(newest.map { (Group($0.snapshot), $0) }, uniquingKeysWith: { first, _ in first })
    var groups: Set<Group> = []
    var last: Snapshot?
    for saved in snapshots.reversed() {
      // As a rule one group follows itself: a look at the words is cheaper than sets of them.
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

  /// The user has accepted that `ids` are gone.
  public mutating func giveUp(_ ids: Set<SnapshotID>) {
    newest.removeAll { ids.contains($0.id) }
    givenUp = Array((givenUp.filter { !ids.contains($0) } + ids.sorted()).suffix(Self.givenUpLimit))
  }

  /// What a filter can tell snapshots apart by. Texts are compared by their bytes, as in restic.
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
  /// Whether this one comes after `other` in the order of snapshots: by time, and those of one instant by id.
  public func isNewer(than other: SavedSnapshot) -> Bool {
    (snapshot.time, id) > (other.snapshot.time, other.id)
  }

  /// The snapshot without what says nothing of its content, its time, its group and its ancestry.
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
  /// Whether host, paths and tags are the same to the letter and in the same order.
  fileprivate func hasSameGroupWords(as other: Snapshot) -> Bool {
    hostname.isSame(as: other.hostname) && paths.elementsEqual(other.paths) { $0.isSame(as: $1) }
      && tags.elementsEqual(other.tags) { $0.isSame(as: $1) }
  }
}

extension String {
  /// Whether both are the same bytes. For Swift, texts are equal that a reader can't tell apart.
  fileprivate func isSame(as other: String) -> Bool {
    self == other && utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8)
  }
}
