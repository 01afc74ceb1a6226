/// The search for the first length at which a chunk may be cut, on any processor.
///
/// The digest at length n is that of the 64 bytes before `start + n`. A block of four lanes of equal length is searched
/// in step; a cut in a later lane is only an upper limit until the earlier lanes are finished.
struct LaneSearch {
  private let start: UnsafePointer<UInt8>
  private let mask: UInt64
  private let tables: RabinTables
  private let reduction: UnsafePointer<UInt64>
  private let removal: UnsafePointer<UInt64>

  /// A search in the chunk at `start` for digests that have no bit in common with `mask`. The bytes must outlive the
  /// search.
  init(start: UnsafeRawPointer, mask: UInt64, tables: RabinTables) {
    self.start = start.assumingMemoryBound(to: UInt8.self)
    self.mask = mask
    self.tables = tables
    reduction = tables.reduction
    removal = tables.removal
  }

  /// The first of `lengths` whose digest is a cut. `start` has at least as many bytes as the last length, and the first
  /// length is at least 64.
  func firstCut(_ lengths: Range<Int>) -> Int? {
    guard let last = lengths.last else { return nil }
    let end = start + last
    // All lengths up to `position` are searched; `digest` is the one at `position`.
    var position = start + lengths.lowerBound
    var digest = warmDigest(before: position)
    if digest & mask == 0 { return position - start }
    var cut: UnsafePointer<UInt8>?
    // Long lanes amortize the cost of warming up, short ones do the rest. The lengths are literals because the inner
    // loop is 50 % faster when all four lanes are at fixed distances from one pointer.
    while cut == nil, end - position >= 4 * 16384 {
      cut = searchBlock(lane: 16384, position: &position, digest: &digest)
    }
    while cut == nil, end - position >= 4 * 2048 {
      cut = searchBlock(lane: 2048, position: &position, digest: &digest)
    }
    while cut == nil, end - position >= 4 * 256 {
      cut = searchBlock(lane: 256, position: &position, digest: &digest)
    }
    while cut == nil, position < end {
      digest = next(digest, position)
      position += 1
      if digest & mask == 0 { cut = position }
    }
    return cut.map { $0 - start }
  }

  /// The digest of the 64 bytes before `end`.
  private func warmDigest(before end: UnsafePointer<UInt8>) -> UInt64 {
    var digest: UInt64 = 0
    var byte = end - RabinTables.windowByteCount
    while byte < end {
      digest = (digest &<< 8 | UInt64(byte.pointee)) ^ reduction[Int(digest &>> RabinTables.topByteShift)]
      byte += 1
    }
    return digest
  }

  /// `digest` moved on by the byte at `new`, 64 bytes after the byte that leaves the window.
  ///
  /// The lookup that depends on the digest comes last, and the byte is or-ed in, so that the compiler leaves only
  /// shift, load and one XOR on the path from one digest to the next. A digest has 53 bits: its top byte needs no mask.
  @inline(__always)
  private func next(_ digest: UInt64, _ new: UnsafePointer<UInt8>) -> UInt64 {
    let byte = UInt64(new.pointee)
    let removed = removal[Int(new[-RabinTables.windowByteCount])]
    return ((digest &<< 8 | byte) ^ removed)
      ^ reduction[Int(truncatingIfNeeded: digest &>> RabinTables.topByteShift)]
  }

  /// The end of the first cut after `position` in a block of four lanes of `lane` bytes. `digest` is the digest at
  /// `position`; without a cut, both move to the block's end.
  @inline(__always)
  private func searchBlock(
    lane: Int, position: inout UnsafePointer<UInt8>, digest: inout UInt64
  ) -> UnsafePointer<UInt8>? {
    var digest0 = digest
    var digest1 = warmDigest(before: position + lane)
    var digest2 = warmDigest(before: position + 2 * lane)
    var digest3 = warmDigest(before: position + 3 * lane)
    // The offset of the earliest cut in the block so far.
    var cut = Int.max
    var byte = position
    let laneEnd = position + lane
    while byte < laneEnd {
      digest0 = next(digest0, byte)
      digest1 = next(digest1, byte + lane)
      digest2 = next(digest2, byte + 2 * lane)
      digest3 = next(digest3, byte + 3 * lane)
      byte += 1
      if digest0 & mask == 0 || digest1 & mask == 0 || digest2 & mask == 0 || digest3 & mask == 0 {
        if digest0 & mask == 0 { return byte }
        let offset = byte - position
        if digest1 & mask == 0 { cut = min(cut, lane + offset) }
        if digest2 & mask == 0 { cut = min(cut, 2 * lane + offset) }
        if digest3 & mask == 0 { cut = min(cut, 3 * lane + offset) }
      }
    }
    guard cut == Int.max else { return position + cut }
    position += 4 * lane
    digest = digest3
    return nil
  }
}
