/// The search for the first length at which a chunk may be cut; the inner loop of `Chunker`.
///
/// The digest at length n is that of the 64 bytes before `start + n`. A block of four lanes of equal length is searched
/// in step; a cut in a later lane is only a bound until the earlier lanes have come to their ends.
struct LaneSearch {
  /// The longest lane, in bytes: long enough to forget the 64 bytes of warming up, short enough that little is searched
  /// past a cut.
  private static let laneByteCount = 16 << 10
  /// Where lanes would be shorter than this, one does the rest.
  private static let shortestLaneByteCount = 256

  private let start: UnsafePointer<UInt8>
  private let mask: UInt64
  private let tables: RabinTables
  private let reduction: UnsafePointer<UInt64>
  private let removal: UnsafePointer<UInt64>

  /// A search in the chunk at `start`; `tables` and the bytes outlive the search.
  init(start: UnsafeRawPointer, mask: UInt64, tables: RabinTables) {
    self.start = start.assumingMemoryBound(to: UInt8.self)
    self.mask = mask
    self.tables = tables
    reduction = tables.reduction
    removal = tables.removal
  }

  /// The first of `lengths` whose digest is a cut. `start` has as many bytes as the last of them, and the first is at
  /// least 64.
  func firstCut(_ lengths: ClosedRange<Int>) -> Int? {
    // All lengths up to `position` are searched; `digest` is the one at `position`.
    var position = lengths.lowerBound
    var digest = warmDigest(at: position)
    if digest & mask == 0 { return position }
    while true {
      let lane = min(Self.laneByteCount, (lengths.upperBound - position) / 4)
      guard lane >= Self.shortestLaneByteCount else { break }
      if let cut = searchBlock(from: position, lane: lane, digest: &digest) { return cut }
      position += 4 * lane
    }
    while position < lengths.upperBound {
      digest = next(digest, at: position)
      position += 1
      if digest & mask == 0 { return position }
    }
    return nil
  }

  /// The digest at `length`, from the 64 bytes before.
  private func warmDigest(at length: Int) -> UInt64 {
    var digest: UInt64 = 0
    for index in length - RabinTables.windowByteCount..<length {
      digest = digest << 8 ^ reduction[Int(digest >> RabinTables.topByteShift)] ^ UInt64(start[index])
    }
    return digest
  }

  /// The digest at `length + 1`, given that at `length`.
  @inline(__always)
  private func next(_ digest: UInt64, at length: Int) -> UInt64 {
    let new = UInt64(start[length])
    let old = Int(start[length - RabinTables.windowByteCount])
    return digest << 8 ^ reduction[Int(digest >> RabinTables.topByteShift)] ^ (removal[old] ^ new)
  }

  /// The first cut among the lengths after `position`, four lanes of `lane` each; without one, `digest`, which is that
  /// at `position`, becomes that at the block's end.
  private func searchBlock(from position: Int, lane: Int, digest: inout UInt64) -> Int? {
    let (second, third, fourth) = (position + lane, position + 2 * lane, position + 3 * lane)
    var digest0 = digest
    var digest1 = warmDigest(at: second)
    var digest2 = warmDigest(at: third)
    var digest3 = warmDigest(at: fourth)
    var firstLane = 4
    var cut: Int?
    var offset = 0
    while offset < lane {
      digest0 = next(digest0, at: position &+ offset)
      digest1 = next(digest1, at: second &+ offset)
      digest2 = next(digest2, at: third &+ offset)
      digest3 = next(digest3, at: fourth &+ offset)
      offset &+= 1
      if digest0 & mask == 0 || digest1 & mask == 0 || digest2 & mask == 0 || digest3 & mask == 0 {
        if digest0 & mask == 0 { return position + offset }
        if digest1 & mask == 0, firstLane > 1 {
          (firstLane, cut) = (1, second + offset)
        } else if digest2 & mask == 0, firstLane > 2 {
          (firstLane, cut) = (2, third + offset)
        } else if digest3 & mask == 0, firstLane > 3 {
          (firstLane, cut) = (3, fourth + offset)
        }
      }
    }
    digest = digest3
    return cut
  }
}
