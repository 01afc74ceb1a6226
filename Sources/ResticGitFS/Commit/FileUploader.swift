import ResticCore

/// Stores a file's content as restic would: cut into chunks, each a data blob.
struct FileUploader: Sendable {
  /// Where the blobs go.
  let uploader: Uploader
  /// Chunks that `uploader` got while files were being written, and that may still be being uploaded.
  let pending: PendingChunks
  /// The source of bytes that are already stored.
  let reader: BlobReader
  /// Counts every byte that is done.
  let progress: CommitProgress

  /// Stores the `content` of a file, and returns its chunks. All of them are stored or being uploaded;
  /// `Uploader.finish` makes them durable.
  func store(_ content: ExtentMap, of inode: InodeNumber) async throws -> [StoredChunk] {
    var pieces = ChunkReader(content, chunker: uploader.repository.chunker, reader: reader)
    var chunks: [(offset: UInt64, chunk: StoredChunk)] = []
    _ = try await ChunkWriter(uploader: uploader).store(
      &pieces, of: inode, .everything, pending: { pending.chunk(of: inode, at: $0, in: content) },
      note: { stored, origin in
        let chunk = stored.chunk
        // Stored while the file was being written; a prune without regard for the lock may have removed it.
        if case .known = origin, !uploader.repository.contains(chunk.id, type: .data) {
          throw RepositoryError.missingBlob(chunk.id)
        }
        chunks.append((stored.offset, chunk))
        progress.add(byteCount: UInt64(chunk.byteCount))
      })
    return chunks.sorted { $0.offset < $1.offset }.map(\.chunk)
  }
}
