import ResticCore

/// Stores a file's content as restic would: cut into chunks, each a data blob.
///
/// Only what changed is read and cut again: a chunk that starts where a stored one does is that one, and where a new cut
/// meets the start of a stored chunk, both have fallen into step. The cuts are those of the whole file read from the
/// start, since the chunker knows nothing of what came before a chunk.
struct FileUploader: Sendable {
  /// Where the repository's polynomial is.
  let chunker: Chunker
  /// Where the blobs go.
  let uploader: Uploader
  /// Where bytes that are stored already come from.
  let reader: BlobReader
  /// Told of every byte that is done.
  let progress: CommitProgress

  /// How much is read before the chunker looks for a cut.
  private static let stepByteCount: UInt64 = 1 << 20
  /// How many blobs of one file are on their way at a time.
  private static let blobsUnderWay = 4

  /// Stores `content`, and returns its chunks. All of them are on their way or stored; `Uploader.finish` makes them durable.
  func store(_ content: ExtentMap) async throws -> [StoredChunk] {
    try await withThrowingTaskGroup(of: (index: Int, chunk: StoredChunk).self) { group in
      var chunks: [StoredChunk?] = []
      var underWay = 0
      var position: UInt64 = 0
      var readAhead: [UInt8] = []
      while position < content.byteCount {
        if let chunk = content.wholeBlob(at: position) {
          chunks.append(chunk)
          position += UInt64(chunk.byteCount)
          readAhead = []
          progress.add(byteCount: UInt64(chunk.byteCount))
          continue
        }
        let (bytes, endsAtCut) = try await nextChunk(of: content, at: position, &readAhead)
        position += UInt64(bytes.count)
        if underWay == Self.blobsUnderWay, let stored = try await group.next() {
          chunks[stored.index] = stored.chunk
          underWay -= 1
        }
        let index = chunks.count
        chunks.append(nil)
        underWay += 1
        group.addTask {
          let id = try await uploader.add(bytes, type: .data)
          progress.add(byteCount: UInt64(bytes.count))
          return (index, StoredChunk(id: id, byteCount: UInt32(bytes.count), endsAtCut: endsAtCut))
        }
      }
      while let stored = try await group.next() { chunks[stored.index] = stored.chunk }
      return chunks.compactMap { $0 }
    }
  }

  /// The bytes of the chunk that starts at `position`, and whether the chunker ended it. `readAhead` begins there as well,
  /// and afterwards where the chunk after it does.
  private func nextChunk(
    of content: ExtentMap, at position: UInt64, _ readAhead: inout [UInt8]
  ) async throws -> (bytes: [UInt8], endsAtCut: Bool) {
    var searched = 0
    while true {
      if let cut = readAhead.withUnsafeBytes({ chunker.firstCut(in: $0, searchedByteCount: searched) }) {
        var chunk = Array(readAhead[cut...])
        readAhead.removeSubrange(cut...)
        swap(&readAhead, &chunk)
        return (chunk, true)
      }
      searched = readAhead.count
      let start = position + UInt64(searched)
      guard start < content.byteCount else {
        defer { readAhead = [] }
        return (readAhead, false)
      }
      let slices = content.slices(in: start..<min(start + Self.stepByteCount, content.byteCount))
      readAhead += try await reader.bytes(of: slices)
    }
  }
}
