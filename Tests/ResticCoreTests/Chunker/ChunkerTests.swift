import Testing

@testable import ResticCore

@Suite("Chunker")
struct ChunkerTests {
  static func chunkLengths(of bytes: [UInt8], by chunker: Chunker) -> [Int] {
    bytes.withUnsafeBytes { bytes in
      var lengths: [Int] = []
      var offset = 0
      while offset < bytes.count {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
        let length = chunker.firstCut(in: rest) ?? rest.count
        lengths.append(length)
        offset += length
      }
      return lengths
    }
  }

  /// Like a writer that appends `step` bytes at a time and keeps the bytes after the last cut.
  static func chunkLengths(of bytes: [UInt8], by chunker: Chunker, appending step: Int) -> [Int] {
    bytes.withUnsafeBytes { bytes in
      var lengths: [Int] = []
      var (start, end, searched) = (0, 0, 0)
      while start < bytes.count {
        if let length = chunker.firstCut(
          in: UnsafeRawBufferPointer(rebasing: bytes[start..<end]), searchedByteCount: searched)
        {
          lengths.append(length)
          (start, searched) = (start + length, 0)
        } else if end == bytes.count {
          lengths.append(end - start)
          start = end
        } else {
          searched = end - start
          end = min(end + step, bytes.count)
        }
      }
      return lengths
    }
  }

  /// The polynomial of a repository made by restic 0.14, which cut the files below.
  static let resticChunker: Chunker = {
    guard let polynomial = ChunkerPolynomial(hex: "2e3cfd704a4623") else { preconditionFailure("degree 53") }
    return Chunker(polynomial: polynomial)
  }()

  @Test("32 MiB of random bytes are cut into restic's chunks, at once and piece by piece")
  func random() {
    var generator = SplitMix64(seed: 42)
    let bytes = generator.bytes(32 << 20)
    let expected = [
      560691, 1_613_064, 1_177_701, 1_396_765, 1_190_543, 1_290_076, 599561, 1_186_574, 533779, 750846, 3_235_747,
      5_166_897, 1_150_333, 677943, 2_471_421, 894674, 2_393_174, 1_570_338, 1_147_627, 1_168_570, 975959, 803954,
      1_598_195,
    ]
    #expect(Self.chunkLengths(of: bytes, by: Self.resticChunker) == expected)
    #expect(Self.chunkLengths(of: bytes, by: Self.resticChunker, appending: 131_072) == expected)
  }

  @Test("a pattern without cuts, zeros and random bytes in sequence are cut into restic's chunks")
  func mixed() {
    var generator = SplitMix64(seed: 7)
    let pattern = (0..<9 << 20).map { UInt8(truncatingIfNeeded: $0 * 7 + 3) }
    let bytes = pattern + [UInt8](repeating: 0, count: 2 << 20) + generator.bytes(5 << 20)
    let expected = [
      8_388_608, 1_048_640, 524288, 524288, 524288, 1_688_051, 853642, 1_524_199, 656678, 666299, 378235,
    ]
    #expect(Self.chunkLengths(of: bytes, by: Self.resticChunker) == expected)
    #expect(Self.chunkLengths(of: bytes, by: Self.resticChunker, appending: 100_003) == expected)
  }

  @Test("there is no cut before the minimum, and always one at the maximum")
  func bounds() {
    let zeros = [UInt8](repeating: 0, count: Chunker.minimumByteCount)
    #expect(zeros.withUnsafeBytes { Self.resticChunker.firstCut(in: $0) } == Chunker.minimumByteCount)
    #expect(zeros.dropLast().withUnsafeBytes { Self.resticChunker.firstCut(in: $0) } == nil)
    #expect(Self.resticChunker.firstCut(in: UnsafeRawBufferPointer(start: nil, count: 0)) == nil)
    let pattern = (0..<Chunker.maximumByteCount + 1).map { UInt8(truncatingIfNeeded: $0 * 7 + 3) }
    for (byteCount, cut) in [(-1, nil), (0, 0), (1, 0)] as [(Int, Int?)] {
      let bytes = pattern.prefix(Chunker.maximumByteCount + byteCount)
      #expect(
        bytes.withUnsafeBytes { Self.resticChunker.firstCut(in: $0) } == cut.map { $0 + Chunker.maximumByteCount })
    }
  }

  @Test("four lanes without vector instructions find restic's cuts, too")
  func withoutVectors() throws {
    var generator = SplitMix64(seed: 11)
    let bytes = generator.bytes(24 << 20)
    let polynomial = try #require(ChunkerPolynomial(hex: "2e3cfd704a4623"))
    let chunker = Chunker(
      polynomial: polynomial, minimum: Chunker.minimumByteCount, maximum: Chunker.maximumByteCount, averageBits: 20,
      isWide: false)
    #expect(Self.chunkLengths(of: bytes, by: chunker) == Self.chunkLengths(of: bytes, by: Self.resticChunker))
  }

  /// Bytes of one kind: random, a repeated pattern, few values, long runs, zeros.
  static func sample(_ kind: Int, byteCount: Int, using generator: inout SplitMix64) -> [UInt8] {
    switch kind {
    case 0: return generator.bytes(byteCount)
    case 1:
      let pattern = generator.bytes(Int.random(in: 1...200, using: &generator))
      return (0..<byteCount).map { pattern[$0 % pattern.count] }
    case 2: return generator.bytes(byteCount).map { $0 & 1 }
    case 3:
      var bytes: [UInt8] = []
      while bytes.count < byteCount {
        let run = Int.random(in: 1...5000, using: &generator)
        bytes += [UInt8](
          repeating: Bool.random(using: &generator) ? 0 : UInt8.random(in: 0...255, using: &generator), count: run)
      }
      return Array(bytes.prefix(byteCount))
    default: return [UInt8](repeating: 0, count: byteCount)
    }
  }

  @Test(
    "parallel lanes find the cuts of the serial algorithm, for random polynomials, bounds and data", arguments: 0..<5,
    [false, true])
  func lanesEqualReference(kind: Int, isWide: Bool) throws {
    var generator = SplitMix64(seed: UInt64(kind))
    for round in 0..<60 {
      // Also reducible polynomials: their cuts are defined as well.
      let polynomial = try #require(
        ChunkerPolynomial(rawValue: generator.next() & (1 << 53 - 1) | 1 << 53))
      let minimum = Int.random(in: 64...3000, using: &generator)
      let maximum = minimum + Int.random(in: 0...(round % 3 == 0 ? 300_000 : 9000), using: &generator)
      let averageBits = Int.random(in: 1...18, using: &generator)
      let byteCount = Int.random(in: 0...(round % 3 == 0 ? 400_000 : 40_000), using: &generator)
      let bytes = Self.sample(kind, byteCount: byteCount, using: &generator)
      let reference = ReferenceChunker(
        polynomial: polynomial, minimum: minimum, maximum: maximum, averageBits: averageBits)
      let chunker = Chunker(
        polynomial: polynomial, minimum: minimum, maximum: maximum, averageBits: averageBits, isWide: isWide)
      let expected = reference.chunkLengths(of: bytes)
      #expect(Self.chunkLengths(of: bytes, by: chunker) == expected, "round \(round)")
      let step = Int.random(in: max(1, byteCount / 50)...max(1, byteCount / 2), using: &generator)
      #expect(Self.chunkLengths(of: bytes, by: chunker, appending: step) == expected, "round \(round), step \(step)")
    }
  }

  @Test("the first cut is found in any lane and at any place", arguments: [false, true])
  func everyPlace(isWide: Bool) throws {
    // One window of 64 zeros in data without cuts, moved through a block of lanes.
    let polynomial = try #require(ChunkerPolynomial(hex: "3da3358b4dc173"))
    let chunker = Chunker(
      polynomial: polynomial, minimum: 65, maximum: 1 << 20, averageBits: WideSearch.maximumAverageBits, isWide: isWide)
    let pattern = (0..<70_000).map { UInt8(truncatingIfNeeded: $0 % 251 + 1) }
    #expect(Self.chunkLengths(of: pattern, by: chunker) == [70_000])
    for end in Array(65..<1400) + Array(stride(from: 1400, through: 70_000, by: 173)) + [16448, 16449, 32832, 65600] {
      var bytes = pattern
      bytes.replaceSubrange(end - 64..<end, with: repeatElement(0, count: 64))
      // A second one, later: it must not win.
      if end + 3000 < bytes.count {
        bytes.replaceSubrange(end + 2936..<end + 3000, with: repeatElement(0, count: 64))
      }
      #expect(bytes.withUnsafeBytes { chunker.firstCut(in: $0) } == end)
    }
  }

  @Test("a search can stop and resume at every byte", arguments: [false, true])
  func resume(isWide: Bool) throws {
    var generator = SplitMix64(seed: 99)
    let bytes = generator.bytes(6000)
    let polynomial = try #require(ChunkerPolynomial(hex: "3da3358b4dc173"))
    for (minimum, maximum, averageBits) in [
      (64, 9000, 12), (100, 5500, 40), (700, 5999, 13), (65, 6000, 11), (300, 7000, 20),
    ] {
      let chunker = Chunker(
        polynomial: polynomial, minimum: minimum, maximum: maximum, averageBits: averageBits, isWide: isWide)
      let reference = ReferenceChunker(
        polynomial: polynomial, minimum: minimum, maximum: maximum, averageBits: averageBits)
      let cut = reference.firstCut(in: bytes[...])
      bytes.withUnsafeBytes { bytes in
        for end in 0...bytes.count {
          let prefix = UnsafeRawBufferPointer(rebasing: bytes[..<end])
          let expected = cut.flatMap { $0 <= end ? $0 : nil }
          #expect(chunker.firstCut(in: prefix) == expected)
          guard end < cut ?? .max else { continue }
          #expect(chunker.firstCut(in: bytes, searchedByteCount: end) == cut)
        }
      }
    }
  }
}
