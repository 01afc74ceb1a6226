import ResticCore

/// Checks that a tree can be read completely: every tree beneath it, and every data blob by the index.
///
/// Needed if the base snapshot was forgotten while the mount was open: a prune may have removed parts that a tree
/// shares with the base, and an existing tree blob says nothing about the blobs that it refers to.
struct TreeVerifier: Sendable {
  /// Where the tree is.
  let repository: Repository

  /// Throws `missingBlob` for the first missing blob.
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
