import ResticCore

/// The chunks that were given to an uploader and whose packs are not durable yet, by where they are in their files.
struct PendingChunks: Sendable {
  /// A chunk on its way.
  struct Chunk: Sendable {
    var inode: InodeNumber
    var offset: UInt64
    var chunk: StoredChunk
    /// What it stores, and nothing else of the file: extents keep memory alive.
    var slices: [ExtentMap.Extent]

    var end: UInt64 { offset + UInt64(chunk.byteCount) }
  }

  private var chunks: [InodeNumber: [UInt64: Chunk]] = [:]

  /// Notes a chunk. One that was noted at the same place is forgotten: the file was overwritten there.
  mutating func insert(_ chunk: Chunk) {
    chunks[chunk.inode, default: [:]][chunk.offset] = chunk
  }

  /// Takes out the chunks for which `isDone` holds.
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

  /// The chunk that starts at `offset` of a file with `content`, if that is still what it stores and where it ends.
  func chunk(of inode: InodeNumber, at offset: UInt64, in content: ExtentMap) -> Chunk? {
    guard let chunk = chunks[inode]?[offset], chunk.chunk.endsAtCut || chunk.end == content.byteCount else {
      return nil
    }
    return content.contains(chunk.slices, in: offset..<chunk.end) ? chunk : nil
  }
}
