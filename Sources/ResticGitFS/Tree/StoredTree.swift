import ResticCore

/// The result of storing a `FrozenTree` in the repository.
struct StoredTree: Sendable {
  /// The content of each file that was stored.
  var files: [InodeNumber: [StoredChunk]] = [:]
  /// The tree of each directory that was stored, the root's among them.
  var directories: [InodeNumber: BlobID] = [:]
}
