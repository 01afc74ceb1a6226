/// Which snapshot builds upon which, seen from the newest one.
///
/// Every method visits each snapshot once, however the snapshots hang together: a repository may hold tens of thousands, and
/// some of those that others name as parents may have been forgotten.
struct SnapshotAncestry {
  /// What the newest snapshot contains: itself and what it builds upon, under old names and new ones.
  let lineage: Set<SnapshotID>

  /// By name. A snapshot that was tagged or rewritten has a new name; its children know the old one.
  private let byID: [SnapshotID: SavedSnapshot]

  /// The ancestry of `newest`, as far as `snapshots` tell.
  init(of newest: SavedSnapshot, among snapshots: [SavedSnapshot]) {
    var byID: [SnapshotID: SavedSnapshot] = [:]
    byID.reserveCapacity(snapshots.count + 1)
    for saved in snapshots + [newest] {
      if let original = saved.snapshot.original { byID[original] = saved }
    }
    for saved in snapshots + [newest] { byID[saved.id] = saved }
    self.byID = byID

    var lineage: Set<SnapshotID> = []
    var open = [newest.id]
    while let id = open.popLast() {
      guard lineage.insert(id).inserted, let saved = byID[id] else { continue }
      open += saved.parents
      if let original = saved.snapshot.original { lineage.insert(original) }
      lineage.insert(saved.id)
    }
    self.lineage = lineage
  }

  /// All names of what `snapshots` build upon, outside of the lineage.
  func ancestors(of snapshots: [SavedSnapshot]) -> Set<SnapshotID> {
    var ancestors: Set<SnapshotID> = []
    var open = snapshots.flatMap(\.parents)
    while let id = open.popLast() {
      guard !lineage.contains(id), ancestors.insert(id).inserted, let saved = byID[id] else { continue }
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
        guard onLine.insert(next).inserted, let saved = byID[next] else {
          base = reachable[start]  // parents in a circle: no line leads out of it
          break
        }
        line.append(next)
        for id in saved.parents.reversed() {
          let id = lineage.contains(id) ? id : byID[id]?.id ?? id
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
    var children: [SnapshotID: [SnapshotID]] = [:]
    var open: [(id: SnapshotID, base: SnapshotID)] = []
    for (id, saved) in byID where id == saved.id && !lineage.contains(id) {
      for parent in saved.parents {
        if lineage.contains(parent) {
          open.append((id, parent))
        } else if let parent = byID[parent] {
          children[parent.id, default: []].append(id)
        }
      }
    }
    var bases: [SnapshotID: SnapshotID] = [:]
    while let (id, base) = open.popLast() {
      guard bases[id] == nil else { continue }
      bases[id] = base
      open += (children[id] ?? []).map { ($0, base) }
    }
    return bases
  }
}

extension SavedSnapshot {
  /// The snapshots that this one contains: those that were merged into it, then its parent.
  fileprivate var parents: [SnapshotID] { snapshot.mergedParents + (snapshot.parent.map { [$0] } ?? []) }
}
