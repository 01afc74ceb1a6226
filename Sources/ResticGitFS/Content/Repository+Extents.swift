import ResticCore

extension Repository {
  /// The extents of a stored file: its blobs, one after the other.
  ///
  /// Throws where the index doesn't list a blob, even after a reload, or where the blobs are not as long as the file:
  /// showing such a file would show wrong bytes. A file of one blob can be opened without the index: its length is known,
  /// and what a prune has taken, the kernel may have in its cache still, such as a ref that git looks at.
  func extents(of node: Node) async throws -> ExtentMap {
    do {
      return try listedExtents(of: node)
    } catch .missingBlob {
      try await loadIndex()
    }
    do {
      return try listedExtents(of: node)
    } catch .missingBlob(let missing, _) {
      guard node.content.count == 1, let byteCount = UInt32(exactly: node.size) else {
        throw RepositoryError.missingBlob(missing)
      }
      return ExtentMap(chunks: [StoredChunk(id: missing, byteCount: byteCount, endsAtCut: false)])
    }
  }

  /// As `extents(of:)`, with the index as it is: it waits for nothing.
  func listedExtents(of node: Node) throws(RepositoryError) -> ExtentMap {
    var chunks: [StoredChunk] = []
    chunks.reserveCapacity(node.content.count)
    for (position, id) in node.content.enumerated() {
      guard let byteCount = blobByteCount(id, type: .data).flatMap(UInt32.init(exactly:)) else {
        throw .missingBlob(id)
      }
      chunks.append(StoredChunk(id: id, byteCount: byteCount, endsAtCut: position < node.content.count - 1))
    }
    let extents = ExtentMap(chunks: chunks)
    guard extents.byteCount == node.size else {
      throw .damaged("a file of \(node.size) bytes has blobs of \(extents.byteCount) bytes in all")
    }
    return extents
  }
}
