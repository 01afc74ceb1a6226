import ResticCore

/// Stores a file's content as restic would: cut into chunks, each a data blob.
struct FileUploader: Sendable {
  /// Where the blobs go.
  let uploader: Uploader
  /// Where bytes that are stored already come from.
  let reader: BlobReader
  /// Told of every byte that is done.
  let progress: CommitProgress

  /// How many blobs of one file are on their way at a time: enough for every core, few enough for the memory limit.
  private static let blobsUnderWay = 2

  /// Stores `content`, and returns its chunks. All of them are on their way or stored; `Uploader.finish` makes them durable.
  func store(_ content: ExtentMap) async throws -> [StoredChunk] {
    try await withThrowingTaskGroup(of: (index: Int, chunk: StoredChunk).self) { group in
      var chunks: [StoredChunk?] = []
      var underWay = 0
      var pieces = ChunkReader(content, chunker: uploader.repository.chunker, reader: reader)
      while let piece = try await pieces.next() {
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
