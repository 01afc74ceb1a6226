import ResticCore

/// Others had saved conflicting changes, and nothing of this mount was saved: the program for which the mount was made
/// decides what to do.
struct RefusedMerge: Error, Hashable, Sendable, CustomStringConvertible {
  /// The snapshot of the others.
  let newest: SnapshotID
  /// The conflicts that a person would have to look at: never empty.
  let conflicts: [MergeConflict]

  /// Nil if no conflict needs a person.
  init?(_ conflicts: [MergeConflict], with newest: SnapshotID) {
    self.newest = newest
    self.conflicts = conflicts.filter { if case .deletion = $0 { false } else { true } }
    if self.conflicts.isEmpty { return nil }
  }

  /// The refs of the git repository that the program works on, if they are the only conflicts.
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
