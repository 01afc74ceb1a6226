import ResticCore

/// The result of a commit.
enum CommitResult: Hashable, Sendable {
  /// There was nothing to save. The newest snapshot, if there is one.
  case unchanged(SnapshotID?)
  /// This snapshot, the newest, has everything; `merge` if it was merged with others' snapshots.
  case saved(SavedSnapshot, merge: Merge?)

  /// The result of a merge.
  struct Merge: Hashable, Sendable {
    /// The conflicts: both sides changed the same thing differently.
    var conflicts: [MergeConflict]
    /// The conflicts with the newest snapshot, without those between it and a snapshot that arrived late.
    var ownConflicts: [MergeConflict] = []
    /// The tree of this mount's side.
    var ours: BlobID
    /// Whether a part of this mount's side is not in the merged tree.
    var needsSnapshotOfOurs = false
    /// How many trees were merged into the newest.
    var sideCount = 0
    /// The snapshot that holds this mount's side if it could not be merged: tagged `conflict`, and not the newest.
    var beside: SnapshotID?

    /// Adds `earlier`, a merge that preceded this one in the same commit of the tree `ours`.
    mutating func follow(_ earlier: Merge?, ours: BlobID) {
      self.ours = ours
      guard let earlier else { return }
      conflicts = earlier.conflicts + conflicts
      ownConflicts = earlier.ownConflicts + ownConflicts
      needsSnapshotOfOurs = earlier.needsSnapshotOfOurs || needsSnapshotOfOurs
      sideCount += earlier.sideCount
      beside = beside ?? earlier.beside
    }

    /// The conflicts that a person has to look at.
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

  /// The conflicts that a person has to look at.
  var openConflicts: [MergeConflict] {
    if case .saved(_, let merge?) = self { merge.openConflicts } else { [] }
  }

  /// Whether a person has to look at the result: exit code 3.
  var isConflict: Bool { !openConflicts.isEmpty }

  /// What a person has to know, if anything: one line.
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
