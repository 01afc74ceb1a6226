import ResticCore

/// What a commit came to.
enum CommitResult: Hashable, Sendable {
  /// There was nothing to save. The newest snapshot, if there is one.
  case unchanged(SnapshotID?)
  /// Everything is in this snapshot, the newest; merged with what others had saved meanwhile, if they had.
  case saved(SavedSnapshot, merge: Merge?)

  /// What a merge came to.
  struct Merge: Hashable, Sendable {
    /// What both sides had changed differently.
    var conflicts: [MergeConflict]
    /// Those of them that are between ours and the newest, and not with a snapshot that came late.
    var ownConflicts: [MergeConflict] = []
    /// Our side's tree.
    var ours: BlobID
    /// Whether something of ours is not in the merged tree.
    var needsSnapshotOfOurs = false
    /// How many trees were merged into the newest.
    var sideCount = 0
    /// The snapshot that holds our side where it could not be merged: tagged `conflict`, and not the newest.
    var beside: SnapshotID?

    /// Counts `earlier`, a merge that came before this one in the same commit of the tree `ours`, as part of it.
    mutating func follow(_ earlier: Merge?, ours: BlobID) {
      self.ours = ours
      guard let earlier else { return }
      conflicts = earlier.conflicts + conflicts
      ownConflicts = earlier.ownConflicts + ownConflicts
      needsSnapshotOfOurs = earlier.needsSnapshotOfOurs || needsSnapshotOfOurs
      sideCount += earlier.sideCount
      beside = beside ?? earlier.beside
    }

    /// What somebody has to look at.
    var openConflicts: [MergeConflict] {
      conflicts.filter { if case .deletion = $0 { false } else { true } }
    }
  }

  /// The snapshot that is the newest now.
  var snapshot: SnapshotID? {
    switch self {
    case .unchanged(let id): id
    case .saved(let saved, _): saved.id
    }
  }

  /// What somebody has to look at.
  var openConflicts: [MergeConflict] {
    if case .saved(_, let merge?) = self { merge.openConflicts } else { [] }
  }

  /// Whether somebody has to look at what became of it: exit code 3.
  var isConflict: Bool { !openConflicts.isEmpty }

  /// What a person has to know of it, if anything: one line.
  var message: String? {
    guard case .saved(let saved, let merge?) = self else { return nil }
    guard isConflict else { return "merged with what others have saved meanwhile: snapshot \(saved.id.short)" }
    let beside = merge.beside.map {
      "; snapshot \($0.short) holds all of your changes, mount it with --snapshot \($0.short)"
    }
    return
      "others had changed the same refs or files, and their version stays: \(merge.openConflicts.list)\(beside ?? "")"
  }
}
