import ResticCore

extension SnapshotSummary {
  /// What a commit did. A mount knows what changed, not all there is: the totals are those of the changed files.
  init(of statistics: UploadStatistics, _ frozen: FrozenTree, begin: Timestamp, end: Timestamp) {
    self.init(
      backupStart: begin, backupEnd: end, filesChanged: UInt64(frozen.changedFileCount),
      dataBlobs: Int64(statistics.dataBlobsAdded), treeBlobs: Int64(statistics.treeBlobsAdded),
      dataAdded: UInt64(statistics.bytesAdded), dataAddedPacked: UInt64(statistics.bytesPacked),
      totalFilesProcessed: UInt64(frozen.changedFileCount), totalBytesProcessed: frozen.changedByteCount)
  }
}
