import ResticCore

/// Checks that a tree can be read in full: every tree beneath it, and every data blob by the index.
///
/// Needed where the base snapshot was forgotten while the mount was open: a prune may have taken parts that a tree carries
/// over unchanged, and a tree blob that is still there says nothing about what it names.
struct TreeVerifier: Sendable {
  /// Where the tree is.
  let repository: Repository

  /// Throws `missingBlob` for the first thing that is gone.
  func verify(_ root: BlobID) async throws {
    var seen: Set<BlobID> = [root]
    var queue = [root]
    while let id = queue.popLast() {
      for node in try await repository.loadStoredTree(id).nodes {
        for blob in node.content where repository.blobByteCount(blob, type: .data) == nil {
          throw RepositoryError.missingBlob(blob)
        }
        if let subtree = node.subtree, seen.insert(subtree).inserted { queue.append(subtree) }
      }
    }
  }
}
