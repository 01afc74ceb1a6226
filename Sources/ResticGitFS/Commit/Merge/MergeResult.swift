import ResticCore

/// What a merge came to.
struct MergeResult: Hashable, Sendable {
  /// The merged tree: stored already, or added to the uploader.
  var root: BlobID
  /// What both sides changed differently, in the order of the tree. Empty = everything of both sides is in `root`.
  var conflicts: [MergeConflict]
  /// Whether the merged tree is ours as it is: theirs had changed nothing that ours lacks.
  var isOurs: Bool
  /// Whether the merged tree is theirs as it is: there is nothing of ours to save in it.
  var isTheirs: Bool

  /// Whether something of ours is not in the merged tree, so that ours has to be saved as a snapshot of its own.
  var needsSnapshotOfOurs: Bool {
    conflicts.contains { if case .unmergeable = $0 { true } else { false } }
  }
}
