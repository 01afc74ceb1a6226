import ResticCore

extension Repository {
  /// The extents of a stored file: its consecutive blobs.
  ///
  /// Throws if the index does not list a blob, even after a reload, or if the blobs' total length is not the file's:
  /// such a file would show wrong bytes. A file of one blob can be opened without the index: its length is known, and
  /// even if a prune has removed the blob, the kernel may still have it cached, such as a ref that git reads.
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

  /// As `extents(of:)`, with the current index: waits for nothing.
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
