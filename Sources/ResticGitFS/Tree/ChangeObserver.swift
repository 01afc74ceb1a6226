import ResticCore

/// Observes every change of a tree, in the order in which the changes are applied.
protocol ChangeObserver: Sendable {
  /// `change` was applied to `inode` at `time`. Called under the tree's lock: the observer must not access the tree.
  func applied(_ change: TreeChange, to inode: InodeNumber, at time: Timestamp)
}
