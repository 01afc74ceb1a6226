import ResticCore

/// Cuts the content of files as restic would, and passes chunks that are not stored yet to an uploader: the only place
/// that stores chunks of files, both while files are written and for a commit.
struct ChunkWriter: Sendable {
  /// Where the chunks go.
  let uploader: Uploader

  /// Which chunks of a content to store.
  struct Selection: Hashable, Sendable {
    /// Only those that are mostly in memory.
    var onlyDense = false
    /// Only chunks of which some bytes are in memory: storing others frees no memory.
    var onlyBuffered = false
    /// Also the last chunk, which does not end at a cut: if the file grows, it is cut again, and stored twice.
    var includesTail = true
    /// Stops after storing this many bytes.
    var byteLimit = UInt64.max

    /// All chunks.
    static let everything = Selection()
  }

  /// How a chunk was stored.
  enum Origin: Sendable {
    /// It was stored before the content was read.
    case known
    /// It was given to an uploader earlier.
    case pending
    /// It was cut and given to the uploader now.
    case new
  }

  /// A chunk counts as mostly in memory if half of this many bytes at its start are.
  private static let densityByteCount: UInt64 = 1 << 20
  /// How many blobs of one file are being stored at a time: enough for every core, and few enough for the memory limit.
  private static let blobsUnderWay = 2

  /// Stores the selected chunks of a file from the position of `pieces` on, and leaves `pieces` where it stopped;
  /// returns true if no more are to be stored. `pending` has chunks that an uploader has already. Calls `note` for each
  /// chunk that is stored or being uploaded, new ones in any order.
  func store(
    _ pieces: inout ChunkReader, of inode: InodeNumber, _ selection: Selection,
    pending: (_ offset: UInt64) -> PendingChunks.Chunk?, note: (PendingChunks.Chunk, Origin) throws -> Void
  ) async throws -> Bool {
    let content = pieces.content
    return try await withThrowingTaskGroup(of: PendingChunks.Chunk.self) { group in
      var underWay = 0
      var byteCount: UInt64 = 0
      var isDone = false
      while byteCount < selection.byteLimit, !isDone {
        if selection.onlyDense, !Self.isDense(content, at: pieces.position) {
          guard let next = content.nextWholeBlob(after: pieces.position) else {
            isDone = true
            break
          }
          pieces.skip(to: next)
        }
        let offset = pieces.position
        if let chunk = pending(offset), uploader.repository.contains(chunk.chunk.id, type: .data) {
          try note(chunk, .pending)
          pieces.skip(to: chunk.end)
          continue
        }
        switch try await pieces.next() {
        case nil: isDone = true
        case .stored(let chunk):
          try note(PendingChunks.Chunk(inode: inode, offset: offset, chunk: chunk, slices: []), .known)
        case .fresh(_, endsAtCut: false) where !selection.includesTail:
          pieces.skip(to: offset)
          isDone = true
        case .fresh(let bytes, let endsAtCut):
          byteCount += UInt64(bytes.byteCount)
          let slices = content.slices(in: offset..<pieces.position)
          if selection.onlyBuffered, !slices.contains(where: \.isBuffered) { continue }
          if underWay == Self.blobsUnderWay, let stored = try await group.next() {
            try note(stored, .new)
            underWay -= 1
          }
          underWay += 1
          group.addTask {
            let id = try await uploader.add(bytes, type: .data)
            let chunk = StoredChunk(id: id, byteCount: UInt32(bytes.byteCount), endsAtCut: endsAtCut)
            return PendingChunks.Chunk(inode: inode, offset: offset, chunk: chunk, slices: slices)
          }
        }
      }
      while let stored = try await group.next() { try note(stored, .new) }
      return isDone
    }
  }

  /// Whether the chunk that starts at `offset` is stored, or mostly in memory.
  private static func isDense(_ content: ExtentMap, at offset: UInt64) -> Bool {
    if content.wholeBlob(at: offset) != nil { return true }
    let end = offset + densityByteCount
    return content.bufferedByteCount(in: offset..<end) >= densityByteCount / 2
  }
}
