import ResticCore

/// Chunks that an uploader has and whose packs are not durable yet, by their place in their files.
struct PendingChunks: Sendable {
  /// A chunk being uploaded.
  struct Chunk: Sendable {
    var inode: InodeNumber
    var offset: UInt64
    var chunk: StoredChunk
    /// The slices that it stores, and nothing else of the file, because extents keep memory alive.
    var slices: [ExtentMap.Extent]

    var end: UInt64 { offset + UInt64(chunk.byteCount) }
  }

  private var chunks: [InodeNumber: [UInt64: Chunk]] = [:]

  /// Adds a chunk. A chunk at the same place is dropped: the file was overwritten there.
  mutating func insert(_ chunk: Chunk) {
    chunks[chunk.inode, default: [:]][chunk.offset] = chunk
  }

  /// Removes and returns the chunks for which `isDone` returns true.
  mutating func take(where isDone: (Chunk) -> Bool) -> [Chunk] {
    var taken: [Chunk] = []
    for (inode, ofFile) in chunks {
      let done = ofFile.values.filter(isDone)
      guard !done.isEmpty else { continue }
      taken += done
      for chunk in done { chunks[inode]?[chunk.offset] = nil }
      if done.count == ofFile.count { chunks[inode] = nil }
    }
    return taken
  }

  /// The chunk that starts at `offset` of a file with `content`, if the content there is still the chunk's, with the
  /// same end.
  func chunk(of inode: InodeNumber, at offset: UInt64, in content: ExtentMap) -> Chunk? {
    guard let chunk = chunks[inode]?[offset], chunk.chunk.endsAtCut || chunk.end == content.byteCount else {
      return nil
    }
    return content.contains(chunk.slices, in: offset..<chunk.end) ? chunk : nil
  }
}
