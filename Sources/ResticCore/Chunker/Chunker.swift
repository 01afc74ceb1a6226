/// Cuts files into chunks exactly where restic does, so that equal content is stored once, whichever program wrote it.
///
/// A chunk ends at the first length from `minimumByteCount` on at which the low 20 bits of the Rabin fingerprint of the
/// last 64 bytes are zero (1 MiB later on average), or at `maximumByteCount`. Bytes before those 64 have no influence,
/// so neighbouring ranges are searched at the same time: 64 ranges where the processor supports it (`WideSearch`),
/// otherwise four (`LaneSearch`), because a single lane waits for its table lookups. Holds only tables; any thread may
/// use it.
/// Source: restic's chunker, `NextSplitPoint`; checked by `ChunkerTests` against chunks that restic cut.
public final class Chunker: Sendable {
  /// The minimum length of a chunk, except for the last one of a file.
  public static let minimumByteCount = 512 << 10
  /// The maximum length of a chunk.
  public static let maximumByteCount = 8 << 20
  /// The number of bits that must be zero at a cut: one position in 2^20 is a cut.
  private static let averageBits = 20

  private let minimum: Int
  private let maximum: Int
  private let mask: UInt64
  private let tables: RabinTables
  private let wideSearch: WideSearch?

  /// A chunker that cuts as restic does in a repository with `polynomial`.
  public convenience init(polynomial: ChunkerPolynomial) {
    self.init(
      polynomial: polynomial, minimum: Self.minimumByteCount, maximum: Self.maximumByteCount,
      averageBits: Self.averageBits)
  }

  /// A chunker with other bounds in bytes, at least the window of 64, and a cut every 2^`averageBits` bytes.
  /// `isWide`: whether it searches 64 lanes at once where the processor can.
  init(polynomial: ChunkerPolynomial, minimum: Int, maximum: Int, averageBits: Int, isWide: Bool = true) {
    precondition(RabinTables.windowByteCount <= minimum && minimum <= maximum, "chunk sizes contradict each other")
    self.minimum = minimum
    self.maximum = maximum
    mask = (1 << UInt64(averageBits)) - 1
    tables = RabinTables(polynomial)
    wideSearch = isWide ? WideSearch(tables, averageBits: averageBits) : nil
  }

  /// The length of the chunk at the start of `bytes`, or nil if neither a cut nor the maximum falls within `bytes`.
  /// Then more bytes are needed or, at the end of the file, all of `bytes` is the last chunk.
  ///
  /// `bytes` begins at a chunk's start. `searchedByteCount`: an earlier call with this many of these bytes returned
  /// nil, so the search resumes after them.
  public func firstCut(in bytes: UnsafeRawBufferPointer, searchedByteCount: Int = 0) -> Int? {
    let first = max(minimum, searchedByteCount + 1)
    let last = min(maximum, bytes.count)
    if let start = bytes.baseAddress, first <= last {
      var lengths = first..<last + 1
      let cut =
        wideSearch?.firstCut(from: start, &lengths)
        ?? LaneSearch(start: start, mask: mask, tables: tables).firstCut(lengths)
      if let cut { return cut }
    }
    return bytes.count >= maximum ? maximum : nil
  }
}
