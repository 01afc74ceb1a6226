import ResticCore

extension SnapshotFilter {
  /// The snapshots that can be newer states of what is mounted, where `base` is mounted (nil: nothing is saved yet).
  ///
  /// Without a filter for paths those of `base` count: a later backup of something else in the same repository is no newer
  /// state of it, and must neither be shown nor be merged with it.
  func following(_ base: SavedSnapshot?) -> SnapshotFilter {
    guard paths.isEmpty else { return self }
    var filter = self
    filter.paths = base?.snapshot.paths ?? [SnapshotDescription.defaultPath]
    return filter
  }
}
