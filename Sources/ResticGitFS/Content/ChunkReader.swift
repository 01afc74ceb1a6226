import ResticCore

/// Reads a file's content chunk by chunk, as restic would cut it.
///
/// Only changes are read and cut again: a chunk that starts where a stored chunk starts is that chunk, and if a new cut
/// meets the start of a stored chunk, both are in step again. The cuts equal those of reading the whole file from the
/// start, because the chunker knows nothing of the bytes before a chunk.
struct ChunkReader: Sendable {
  /// A chunk of the content.
  enum Piece: Sendable {
    /// A stored chunk.
    case stored(StoredChunk)
    /// A chunk to be stored: its bytes, and whether it ends at a cut of the chunker rather than at the file's end.
    case fresh(PooledBytes, endsAtCut: Bool)
  }

  /// The content to read.
  let content: ExtentMap
  /// Where the next chunk starts.
  private(set) var position: UInt64
  private let chunker: Chunker
  private let reader: BlobReader
  /// Bytes from `position` on that were read while looking for a cut.
  private var readAhead: PooledBytes?

  /// How much is read before the chunker looks for a cut.
  private static let stepByteCount = 256 << 10
  /// Most chunks are shorter than this, including what was read beyond the cut.
  private static let usualByteCount = 2 << 20

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
    position += UInt64(bytes.byteCount)
    return .fresh(bytes, endsAtCut: endsAtCut)
  }

  /// Continues at `offset`, where a chunk starts.
  mutating func skip(to offset: UInt64) {
    position = offset
    readAhead = nil
  }

  private mutating func nextFresh() async throws -> (bytes: PooledBytes, endsAtCut: Bool) {
    let rest = Int(clamping: content.byteCount - position)
    var bytes = readAhead ?? PooledBytes(capacity: min(rest, Self.usualByteCount))
    readAhead = nil
    var searched = 0
    while true {
      if let cut = bytes.withUnsafeBytes({ chunker.firstCut(in: $0, searchedByteCount: searched) }) {
        keep(bytes, from: cut)
        return (bytes, true)
      }
      searched = bytes.byteCount
      guard searched < rest else { return (bytes, false) }
      let start = position + UInt64(searched)
      // There is no cut before the minimum length of a chunk.
      let step = max(Self.stepByteCount, Chunker.minimumByteCount - searched)
      let end = min(start + UInt64(step), content.byteCount)
      if searched + Int(end - start) > bytes.capacity {
        let larger = PooledBytes(capacity: min(rest, max(2 * bytes.capacity, Self.usualByteCount)))
        bytes.move(from: 0, to: larger)
        bytes = larger
      }
      try await reader.append(content.slices(in: start..<end), to: bytes)
    }
  }

  /// Keeps the bytes after a cut for the next chunk.
  private mutating func keep(_ bytes: PooledBytes, from cut: Int) {
    guard cut < bytes.byteCount else { return }
    let rest = Int(clamping: content.byteCount - position) - cut
    let next = PooledBytes(capacity: min(rest, Self.usualByteCount))
    bytes.move(from: cut, to: next)
    readAhead = next
  }
}
