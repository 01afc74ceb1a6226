import ResticCore

extension SnapshotSummary {
  /// The counts of a commit. A mount knows the changes, not all files: the totals are those of the changed files.
  init(of statistics: UploadStatistics, _ frozen: FrozenTree, begin: Timestamp, end: Timestamp) {
    self.init(
      backupStart: begin, backupEnd: end, filesChanged: UInt64(frozen.changedFileCount),
      dataBlobs: Int64(statistics.data.addedBlobCount), treeBlobs: Int64(statistics.trees.addedBlobCount),
      dataAdded: UInt64(statistics.data.addedByteCount + statistics.trees.addedByteCount),
      dataAddedPacked: UInt64(statistics.data.packedByteCount + statistics.trees.packedByteCount),
      totalFilesProcessed: UInt64(frozen.changedFileCount), totalBytesProcessed: frozen.changedByteCount)
  }
}
