import ResticCore

/// restic's chunker as it is described: one byte after the other, a ring of 64 bytes, no tables, no shortcuts.
///
/// The ring starts with a single 1 bit, as restic's does; the product code relies on it being gone by the first test.
struct ReferenceChunker {
  let polynomial: ChunkerPolynomial
  let minimum: Int
  let maximum: Int
  let averageBits: Int
  private var shares = [UInt64](repeating: 0, count: 256)

  init(polynomial: ChunkerPolynomial, minimum: Int, maximum: Int, averageBits: Int) {
    self.polynomial = polynomial
    self.minimum = minimum
    self.maximum = maximum
    self.averageBits = averageBits
    for byte in 0..<256 {
      // The share of a byte in a digest once 63 others have followed.
      var share = append(UInt8(byte), to: 0)
      for _ in 0..<63 { share = append(0, to: share) }
      shares[byte] = share
    }
  }

  /// The remainder of `digest · x^8 + byte`, bit by bit.
  private func append(_ byte: UInt8, to digest: UInt64) -> UInt64 {
    var rest = digest
    for bit in stride(from: 7, through: 0, by: -1) {
      rest = rest << 1 | UInt64(byte >> UInt8(bit) & 1)
      if rest >> 53 != 0 { rest ^= polynomial.rawValue }
    }
    return rest
  }

  /// The length of the chunk at the start of `bytes`, or nil where `bytes` end before it does.
  func firstCut(in bytes: ArraySlice<UInt8>) -> Int? {
    var ring = [UInt8](repeating: 0, count: 64)
    ring[0] = 1
    var place = 1
    var digest: UInt64 = 1
    var length = minimum - 64
    for byte in bytes.dropFirst(length) {
      digest = append(byte, to: digest ^ shares[Int(ring[place])])
      ring[place] = byte
      place = (place + 1) % 64
      length += 1
      if length < minimum { continue }
      if digest & (1 << UInt64(averageBits) - 1) == 0 || length >= maximum { return length }
    }
    return nil
  }

  /// The lengths of all chunks of the file `bytes`.
  func chunkLengths(of bytes: [UInt8]) -> [Int] {
    var lengths: [Int] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      let length = firstCut(in: rest) ?? rest.count
      lengths.append(length)
      rest = rest.dropFirst(length)
    }
    return lengths
  }
}
