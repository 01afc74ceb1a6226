/// Which snapshot descends from which, seen from the newest one.
///
/// Every method visits each snapshot once, however the snapshots are connected: a repository may hold tens of
/// thousands, and some parents may have been forgotten.
struct SnapshotAncestry {
  /// The newest snapshot and its ancestors, under old and new names.
  let lineage: Set<SnapshotID>

  /// The snapshots, the newest among them.
  private let snapshots: [SavedSnapshot]
  /// The index of each snapshot, by name. A snapshot that was tagged or rewritten has a new name; its children name the
  /// old one.
  private let indexes: [SnapshotID: Int]

  /// The ancestry of `newest`, as far as `snapshots` tell.
  init(of newest: SavedSnapshot, among snapshots: [SavedSnapshot]) {
    let snapshots = snapshots.last?.id == newest.id ? snapshots : snapshots + [newest]
    var indexes: [SnapshotID: Int] = [:]
    indexes.reserveCapacity(snapshots.count)
    for index in snapshots.indices {
      if let original = snapshots[index].snapshot.original { indexes[original] = index }
    }
    for index in snapshots.indices { indexes[snapshots[index].id] = index }
    (self.snapshots, self.indexes) = (snapshots, indexes)

    var lineage = Set<SnapshotID>(minimumCapacity: snapshots.count)
    var open = [newest.id]
    while let id = open.popLast() {
      guard lineage.insert(id).inserted, let index = indexes[id] else { continue }
      snapshots[index].appendParents(to: &open)
      if let original = snapshots[index].snapshot.original { lineage.insert(original) }
      lineage.insert(snapshots[index].id)
    }
    self.lineage = lineage
  }

  private func known(_ id: SnapshotID) -> SavedSnapshot? { indexes[id].map { snapshots[$0] } }

  /// All names of the ancestors of `snapshots`, outside the lineage.
  func ancestors(of snapshots: [SavedSnapshot]) -> Set<SnapshotID> {
    var ancestors: Set<SnapshotID> = []
    var open = snapshots.flatMap(\.parents)
    while let id = open.popLast() {
      guard !lineage.contains(id), ancestors.insert(id).inserted, let saved = known(id) else { continue }
      ancestors.insert(saved.id)
      open += saved.parents
    }
    return ancestors
  }

  /// For each snapshot outside the lineage that descends from the lineage: the snapshot in the lineage from which it
  /// descends. If there are several, the parent's line comes before those of merged parents.
  func bases() -> [SnapshotID: SnapshotID] {
    let reachable = someBases()
    var bases: [SnapshotID: SnapshotID] = [:]
    bases.reserveCapacity(reachable.count)
    for start in reachable.keys where bases[start] == nil {
      var line: [SnapshotID] = []
      var onLine: Set<SnapshotID> = []
      var next = start
      var base: SnapshotID?
      while base == nil {
        guard onLine.insert(next).inserted, let saved = known(next) else {
          base = reachable[start]  // the parents form a circle: no line leads out of it
          break
        }
        line.append(next)
        for id in saved.parents.reversed() {
          let id = lineage.contains(id) ? id : known(id)?.id ?? id
          if lineage.contains(id) {
            base = id
          } else if let known = bases[id] {
            base = known
          } else if reachable[id] != nil {
            next = id
          } else {
            continue
          }
          break
        }
      }
      for id in line { bases[id] = base }
    }
    return bases
  }

  /// For each snapshot outside the lineage that descends from the lineage, one of the snapshots from which it descends.
  private func someBases() -> [SnapshotID: SnapshotID] {
    var children: [Int: [SnapshotID]] = [:]
    var open: [(id: SnapshotID, base: SnapshotID)] = []
    var parents: [SnapshotID] = []
    for index in snapshots.indices {
      let id = snapshots[index].id
      // If two snapshots have one name, the last one counts.
      if lineage.contains(id) || indexes[id] != index { continue }
      parents.removeAll(keepingCapacity: true)
      snapshots[index].appendParents(to: &parents)
      for parent in parents {
        if lineage.contains(parent) {
          open.append((id, parent))
        } else if let parent = indexes[parent] {
          children[parent, default: []].append(id)
        }
      }
    }
    // A snapshot that no line reaches is no fork.
    if open.isEmpty { return [:] }
    var bases: [SnapshotID: SnapshotID] = [:]
    while let (id, base) = open.popLast() {
      guard bases[id] == nil else { continue }
      bases[id] = base
      open += (indexes[id].flatMap { children[$0] } ?? []).map { ($0, base) }
    }
    return bases
  }
}

extension SavedSnapshot {
  /// The parents of this snapshot: those that were merged into it, then its parent.
  fileprivate var parents: [SnapshotID] {
    var parents: [SnapshotID] = []
    appendParents(to: &parents)
    return parents
  }

  fileprivate func appendParents(to ids: inout [SnapshotID]) {
    if !snapshot.unknownFields.isEmpty { ids += snapshot.mergedParents }
    if let parent = snapshot.parent { ids.append(parent) }
  }
}
