import ResticCore

/// Stores a file's content as restic would: cut into chunks, each a data blob.
struct FileUploader: Sendable {
  /// Where the blobs go.
  let uploader: Uploader
  /// What was given to `uploader` while files were written, and may still be on its way.
  let pending: PendingChunks
  /// Where bytes that are stored already come from.
  let reader: BlobReader
  /// Told of every byte that is done.
  let progress: CommitProgress

  /// How many blobs of one file are on their way at a time: enough for every core, few enough for the memory limit.
  private static let blobsUnderWay = 2

  /// Stores the `content` of a file, and returns its chunks. All of them are on their way or stored; `Uploader.finish` makes them durable.
  func store(_ content: ExtentMap, of inode: InodeNumber) async throws -> [StoredChunk] {
    try await withThrowingTaskGroup(of: (index: Int, chunk: StoredChunk).self) { group in
      var chunks: [StoredChunk?] = []
      var underWay = 0
      var pieces = ChunkReader(content, chunker: uploader.repository.chunker, reader: reader)
      while true {
        if let pending = pending.chunk(of: inode, at: pieces.position, in: content),
          uploader.repository.contains(pending.chunk.id, type: .data)
        {
          chunks.append(pending.chunk)
          progress.add(byteCount: UInt64(pending.chunk.byteCount))
          pieces.skip(to: pending.end)
          continue
        }
        guard let piece = try await pieces.next() else { break }
        switch piece {
        case .stored(let chunk):
          // Stored while the file was written; a prune that nobody kept out may have taken it.
          guard uploader.repository.contains(chunk.id, type: .data) else { throw RepositoryError.missingBlob(chunk.id) }
          chunks.append(chunk)
          progress.add(byteCount: UInt64(chunk.byteCount))
        case .fresh(let bytes, let endsAtCut):
          if underWay == Self.blobsUnderWay, let stored = try await group.next() {
            chunks[stored.index] = stored.chunk
            underWay -= 1
          }
          let index = chunks.count
          chunks.append(nil)
          underWay += 1
          group.addTask {
            let id = try await uploader.add(bytes, type: .data)
            progress.add(byteCount: UInt64(bytes.byteCount))
            return (index, StoredChunk(id: id, byteCount: UInt32(bytes.byteCount), endsAtCut: endsAtCut))
          }
        }
      }
      while let stored = try await group.next() { chunks[stored.index] = stored.chunk }
      return chunks.compactMap { $0 }
    }
  }
}
