import ResticCore

/// The result of a merge.
struct MergeResult: Hashable, Sendable {
  /// The merged tree: stored already, or added to the uploader.
  var root: BlobID
  /// The conflicts, in the order of the tree. Empty: `root` has everything of both sides.
  var conflicts: [MergeConflict]
  /// Whether the merged tree is exactly ours: theirs had no changes that ours lacks.
  var isOurs: Bool
  /// Whether the merged tree is exactly theirs: ours has nothing to save.
  var isTheirs: Bool

  /// Whether a part of our tree is not in the merged tree, so that our tree has to be saved as a snapshot of its own.
  var needsSnapshotOfOurs: Bool {
    conflicts.contains { if case .unmergeable = $0 { true } else { false } }
  }
}
