/// Which snapshot builds upon which, seen from the newest one.
///
/// Every method visits each snapshot once, however the snapshots hang together: a repository may hold tens of thousands, and
/// some of those that others name as parents may have been forgotten.
struct SnapshotAncestry {
  /// What the newest snapshot contains: itself and what it builds upon, under old names and new ones.
  let lineage: Set<SnapshotID>

  /// The snapshots, the newest among them.
  private let snapshots: [SavedSnapshot]
  /// Where each of them is, by name. A snapshot that was tagged or rewritten has a new name; its children know the old one.
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

  /// All names of what `snapshots` build upon, outside of the lineage.
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

  /// For each snapshot outside of the lineage that builds upon something in it: what that is. Where that is more than one
  /// snapshot, the parent's line comes before those of merged parents.
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
          base = reachable[start]  // parents in a circle: no line leads out of it
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

  /// For each snapshot outside of the lineage that builds upon something in it, one of those that it builds upon.
  private func someBases() -> [SnapshotID: SnapshotID] {
    var children: [Int: [SnapshotID]] = [:]
    var open: [(id: SnapshotID, base: SnapshotID)] = []
    var parents: [SnapshotID] = []
    for index in snapshots.indices {
      let id = snapshots[index].id
      // Of two with one name the last one counts.
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
    // What nothing leads to is nobody's fork.
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
  /// The snapshots that this one contains: those that were merged into it, then its parent.
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
