import ResticCore

/// Reads a file's content chunk by chunk, as restic would cut it.
///
/// Only what changed is read and cut again: a chunk that starts where a stored one does is that one, and where a new cut
/// meets the start of a stored chunk, both have fallen into step. The cuts are those of the whole file read from the
/// start, since the chunker knows nothing of what came before a chunk.
struct ChunkReader: Sendable {
  /// A chunk of the content.
  enum Piece: Sendable {
    /// Stored already.
    case stored(StoredChunk)
    /// To be stored: its bytes, and whether the chunker ended it and not the file.
    case fresh([UInt8], endsAtCut: Bool)
  }

  /// What is read.
  let content: ExtentMap
  /// Where the next chunk starts.
  private(set) var position: UInt64
  private let chunker: Chunker
  private let reader: BlobReader
  /// Bytes from `position` on that were read before a cut was found.
  private var readAhead: ScratchBuffer?

  /// How much is read before the chunker looks for a cut.
  private static let stepByteCount: UInt64 = 1 << 20

  /// Reads `content` from `position` on, where a chunk starts.
  init(_ content: ExtentMap, from position: UInt64 = 0, chunker: Chunker, reader: BlobReader) {
    self.content = content
    self.position = position
    self.chunker = chunker
    self.reader = reader
  }

  /// The next chunk; nil at the end.
  mutating func next() async throws -> Piece? {
    guard position < content.byteCount else { return nil }
    if let chunk = content.wholeBlob(at: position) {
      skip(to: position + UInt64(chunk.byteCount))
      return .stored(chunk)
    }
    let (bytes, endsAtCut) = try await nextFresh()
    position += UInt64(bytes.count)
    return .fresh(bytes, endsAtCut: endsAtCut)
  }

  /// Goes on at `offset`, where a chunk starts.
  mutating func skip(to offset: UInt64) {
    position = offset
    readAhead?.clear()
  }

  private mutating func nextFresh() async throws -> (bytes: [UInt8], endsAtCut: Bool) {
    if content.byteCount <= Chunker.minimumByteCount {
      return (try await reader.bytes(of: content.slices(in: position..<content.byteCount)), false)
    }
    let buffer = readAhead ?? ScratchBuffer(capacity: Chunker.maximumByteCount + Int(Self.stepByteCount))
    readAhead = buffer
    var searched = 0
    while true {
      if let cut = chunker.firstCut(in: buffer.bytes, searchedByteCount: searched) { return (buffer.take(cut), true) }
      searched = buffer.byteCount
      let start = position + UInt64(searched)
      guard start < content.byteCount else { return (buffer.take(searched), false) }
      let slices = content.slices(in: start..<min(start + Self.stepByteCount, content.byteCount))
      try await reader.append(slices, to: buffer)
    }
  }
}
