/// Detects sequential readers, and says what to load ahead for them.
///
/// A value under its owner's lock. The kernel sends the reads of one reader in any order, and reads ahead a little
/// itself.
struct ReadAhead: Sendable {
  private struct Stream {
    /// Where the reader is.
    var end: UInt64
    /// How much it has read sequentially.
    var runByteCount: UInt64
    /// Where the last load ahead ends.
    var preparedEnd: UInt64
  }

  /// How much must be read sequentially before anything is loaded ahead: a look into the middle of a packfile costs no
  /// more than necessary.
  private static let leastRunByteCount: UInt64 = 384 << 10
  /// A read that begins within this distance of the last one's end is sequential.
  private static let reorderByteCount: UInt64 = 512 << 10
  /// How many files are tracked at a time; others are forgotten.
  private static let streamCount = 256

  /// The most that is loaded ahead of a reader.
  private let windowByteCount: UInt64
  private var streams: [InodeNumber: Stream] = [:]

  /// Loads at most `windowByteCount` bytes ahead of each reader.
  init(windowByteCount: Int) {
    self.windowByteCount = UInt64(windowByteCount)
  }

  /// Records a read of `range`, and returns what to load of the file next, if anything. The range may exceed the file's
  /// end.
  mutating func next(after range: Range<UInt64>, of inode: InodeNumber) -> Range<UInt64>? {
    var stream = streams[inode] ?? Stream(end: 0, runByteCount: 0, preparedEnd: 0)
    let distance =
      range.lowerBound > stream.end ? range.lowerBound - stream.end : stream.end - range.lowerBound
    if distance <= Self.reorderByteCount {
      stream.runByteCount += UInt64(range.count)
      stream.end = max(stream.end, range.upperBound)
    } else {
      stream = Stream(end: range.upperBound, runByteCount: 0, preparedEnd: range.upperBound)
    }
    defer {
      if streams.count >= Self.streamCount, streams[inode] == nil { streams = [:] }
      streams[inode] = stream
    }
    guard stream.runByteCount >= Self.leastRunByteCount else { return nil }
    // The window grows with the bytes read, and is refilled by halves: neighbours in a pack need only one request.
    let window = min(windowByteCount, 4 * stream.runByteCount)
    let start = max(stream.end, stream.preparedEnd)
    let target = stream.end + window
    guard start < target, target - start >= window / 2 else { return nil }
    stream.preparedEnd = target
    return start..<target
  }
}
