import CRabin

/// The search of `LaneSearch` on processors with AVX-512 and GFNI: 64 lanes in step, their digests in vectors, at 9 GB/s
/// from memory and 18 from the cache.
///
/// Moving a digest on by a byte is linear over GF(2) in the top byte that leaves the digest, the byte that leaves the
/// window and the byte that enters it. So the result is a product of those bytes with 8x8 matrices, and GFNI multiplies
/// 64 of them at a time, where `LaneSearch` waits for tables. Immutable, so any thread may use it.
struct WideSearch: Sendable {
  /// The most bits that must be zero at a cut.
  static let maximumAverageBits = 21

  /// A digest is kept as D·x^3, so that its highest eight bits form a byte.
  private static let alignmentShift = UInt64(56 - ChunkerPolynomial.degree)
  /// Long lanes amortize the cost of warming up, short ones do the rest.
  private static let laneByteCounts = [1024, 256, 64]

  private let tables: wide_search_tables

  /// A search for digests whose low `averageBits` bits are zero; nil if the processor, or that number of bits, does not
  /// allow it.
  init?(_ rabin: RabinTables, averageBits: Int) {
    guard wide_search_is_supported(), averageBits <= Self.maximumAverageBits else { return nil }
    var tables = wide_search_tables()
    let digestMask = UInt64(1) << UInt64(ChunkerPolynomial.degree) - 1
    Self.fill(&tables.reduction) { rabin.reduction[$0] & digestMask }
    Self.fill(&tables.removal) { rabin.removal[$0] }
    Self.fill(&tables.entry) { UInt64($0) }
    let cutMask = (UInt64(1) << UInt64(averageBits) - 1) << Self.alignmentShift
    withUnsafeMutableBytes(of: &tables.cut_mask) { planes in
      for plane in planes.indices { planes[plane] = UInt8(truncatingIfNeeded: cutMask >> UInt64(8 * plane)) }
    }
    self.tables = tables
  }

  /// The first of `lengths` at which the bytes from `start` on may be cut. Lengths that were searched without a cut are
  /// removed from `lengths`; the rest is too short for this search.
  func firstCut(from start: UnsafeRawPointer, _ lengths: inout Range<Int>) -> Int? {
    // The block starts one byte before the first length that it tests, and reads the window before that.
    guard lengths.lowerBound > RabinTables.windowByteCount else { return nil }
    for lane in Self.laneByteCounts {
      let blockByteCount = lane * wide_search_lanes
      while lengths.count >= blockByteCount {
        let searched = lengths.lowerBound - 1
        let block = (start + searched).assumingMemoryBound(to: UInt8.self)
        let cut = withUnsafePointer(to: tables) { wide_search(block, lane, $0) }
        if cut > 0 { return searched + cut }
        lengths = lengths.lowerBound + blockByteCount..<lengths.upperBound
      }
    }
    return nil
  }

  /// Fills `matrices` with one for each plane of `share`, which is linear in a byte: bit j of a matrix's row i says
  /// whether the byte's bit j is part of the plane's bit i. The last row comes first.
  private static func fill<Matrices>(_ matrices: inout Matrices, _ share: (Int) -> UInt64) {
    let shares = (0..<8).map { share(1 << $0) << alignmentShift }
    withUnsafeMutableBytes(of: &matrices) { matrices in
      for index in matrices.indices {
        let (plane, row) = (index / 8, 7 - index % 8)
        matrices[index] = (0..<8).reduce(0) { columns, column in
          columns | UInt8(shares[column] >> UInt64(8 * plane + row) & 1) << UInt8(column)
        }
      }
    }
  }
}
