import ResticCore

/// Others had saved changes to the same things, and nothing of ours was saved: the program that the mount is for decides
/// what becomes of it.
struct RefusedMerge: Error, Hashable, Sendable, CustomStringConvertible {
  /// What others saved.
  let newest: SnapshotID
  /// What somebody would have to look at: never empty.
  let conflicts: [MergeConflict]

  /// Nil where `conflicts` need nobody.
  init?(_ conflicts: [MergeConflict], with newest: SnapshotID) {
    self.newest = newest
    self.conflicts = conflicts.filter { if case .deletion = $0 { false } else { true } }
    if self.conflicts.isEmpty { return nil }
  }

  /// The refs of one git repository, the one that the program works on, if nothing else is in the way.
  var references: [RefName]? {
    var names: [RefName] = []
    var repository: [Name]?
    for conflict in conflicts {
      guard case .ref(let conflict) = conflict, conflict.repository == repository ?? conflict.repository else {
        return nil
      }
      repository = conflict.repository
      names.append(conflict.name)
    }
    return names
  }

  var description: String {
    "snapshot \(newest.short) was saved first and changed the same refs or files: \(conflicts.list)"
  }
}
