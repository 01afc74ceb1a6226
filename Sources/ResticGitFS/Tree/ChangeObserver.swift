import ResticCore

/// Told of every change of a tree in the order in which the changes are applied.
protocol ChangeObserver: Sendable {
  /// `change` was applied at `time`, and is about `inode`. Called under the tree's lock: it must not look at the tree.
  func applied(_ change: TreeChange, to inode: InodeNumber, at time: Timestamp)
}
