import ResticCore
import ResticTestSupport
import Testing

@Suite("Zstd")
struct ZstdTests {
  static let text = Array(String(repeating: "100644 README.md\u{0}; tree, blob and commit. ", count: 2000).utf8)

  /// A frame made by hand (RFC 8878) without content size: one run of `value` per block of up to 128 KiB.
  static func runs(_ blocks: [(value: UInt8, byteCount: Int)], windowDescriptor: UInt8 = 0x48) -> [UInt8] {
    var frame: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd, 0x00, windowDescriptor]
    for (index, block) in blocks.enumerated() {
      let header = block.byteCount << 3 | 1 << 1 | (index == blocks.count - 1 ? 1 : 0)
      frame += [UInt8(header & 255), UInt8(header >> 8 & 255), UInt8(header >> 16), block.value]
    }
    return frame
  }

  @Test(
    "compressed data is restored, with and without a known size", arguments: CompressionMode.allCases,
    [0, 1, 7, 1000, 70_000, 3_000_000])
  func roundTrip(mode: CompressionMode, byteCount: Int) throws {
    let random = SecureRandom.bytes(byteCount / 2)
    let bytes = random + (0..<byteCount - random.count).map { Self.text[$0 % Self.text.count] }
    let frame = Zstd.compress(bytes, mode: mode)
    #expect(try Zstd.decompress(frame, expectedByteCount: byteCount).fingerprint == bytes.fingerprint)
    #expect(try Zstd.decompress(frame, limit: byteCount).fingerprint == bytes.fingerprint)
  }

  @Test("max is smaller than auto, auto smaller than the text")
  func ratios() {
    let (fast, best) = (Zstd.compress(Self.text, mode: .auto), Zstd.compress(Self.text, mode: .max))
    #expect(fast.count < Self.text.count / 20 && best.count <= fast.count)
  }

  @Test("a frame states its size, has no checksum and a window of at most 512 KiB", arguments: CompressionMode.allCases)
  func header(mode: CompressionMode) {
    let frame = Zstd.compress(SecureRandom.bytes(2_000_000), mode: mode)
    #expect(frame[..<4] == [0x28, 0xb5, 0x2f, 0xfd])
    // Descriptor: content size of 4 bytes, no single segment, no checksum, no dictionary. Then the window, 2^19.
    #expect(frame[4] == 0x80)
    #expect(frame[5] == 9 << 3)
    #expect(frame[6..<10] == [0x80, 0x84, 0x1e, 0x00])
  }

  @Test("any size but the expected one is refused", arguments: [0, 1, 79_999, 80_001, 1 << 40])
  func wrongSize(expectedByteCount: Int) {
    let frames = [
      Zstd.compress([UInt8](repeating: 5, count: 80_000), mode: .auto),
      Self.runs([(5, 40_000), (5, 40_000)]),
    ]
    for frame in frames {
      #expect(throws: CompressionError.self) {
        try Zstd.decompress(frame, expectedByteCount: expectedByteCount)
      }
    }
  }

  @Test("a frame without a content size is read, by size and by limit")
  func noContentSize() throws {
    let frame = Self.runs([(1, 100_000), (2, 131_072), (3, 5)])
    let content =
      [UInt8](repeating: 1, count: 100_000) + [UInt8](repeating: 2, count: 131_072) + [UInt8](repeating: 3, count: 5)
    #expect(try Zstd.decompress(frame, expectedByteCount: content.count).fingerprint == content.fingerprint)
    #expect(try Zstd.decompress(frame, limit: content.count).fingerprint == content.fingerprint)
    #expect(try Zstd.decompress(frame, limit: 1 << 30).fingerprint == content.fingerprint)
  }

  @Test("content beyond the limit is refused, whether or not the frame states its size")
  func limit() {
    let stated = Zstd.compress([UInt8](repeating: 0, count: 10_000), mode: .auto)
    #expect(throws: CompressionError.tooLarge(limit: 9999)) { try Zstd.decompress(stated, limit: 9999) }
    let bomb = Self.runs([(value: UInt8, byteCount: Int)](repeating: (0, 131_072), count: 10_000))
    #expect(throws: CompressionError.tooLarge(limit: 1 << 20)) { try Zstd.decompress(bomb, limit: 1 << 20) }
    #expect(throws: CompressionError.tooLarge(limit: 0)) { try Zstd.decompress(bomb, limit: 0) }
  }

  @Test("a wrong content size is an error, even a huge one")
  func lyingContentSize() {
    var frame: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd, 0xc0, 0x48]
    frame += [0, 0, 0, 0, 0, 0, 0, 0x80, 0x03, 0, 0, 7]
    #expect(throws: CompressionError.wrongByteCount(expected: 100)) {
      try Zstd.decompress(frame, expectedByteCount: 100)
    }
    #expect(throws: CompressionError.tooLarge(limit: 1 << 30)) { try Zstd.decompress(frame, limit: 1 << 30) }
  }

  @Test("a huge window takes no memory")
  func hugeWindow() throws {
    // 2 GiB, the largest window libzstd knows: the output serves as window.
    #expect(try Zstd.decompress(Self.runs([(7, 9)], windowDescriptor: 0xa8), limit: 100).count == 9)
    // 2 TiB.
    #expect(throws: CompressionError.self) {
      try Zstd.decompress(Self.runs([(7, 9)], windowDescriptor: 0xf8), limit: 100)
    }
  }

  @Test("consecutive frames form one content, and trailing garbage is refused")
  func severalFrames() throws {
    let frames = Self.runs([(1, 10)]) + Zstd.compress([UInt8](repeating: 2, count: 1_000_000), mode: .auto)
    #expect(try Zstd.decompress(frames, expectedByteCount: 1_000_010).count == 1_000_010)
    #expect(try Zstd.decompress(frames, limit: 1_000_010).count == 1_000_010)
    #expect(throws: CompressionError.self) { try Zstd.decompress(frames + [0], limit: 2_000_000) }
  }

  @Test("every truncation is an error")
  func truncations() {
    let content = Array(Self.text.prefix(500))
    let frame = Zstd.compress(content, mode: .auto)
    for byteCount in 1..<frame.count {
      let truncated = Array(frame.prefix(byteCount))
      #expect(throws: CompressionError.self) { try Zstd.decompress(truncated, limit: 1000) }
      #expect(throws: CompressionError.self) { try Zstd.decompress(truncated, expectedByteCount: 500) }
    }
  }

  @Test("flipped bits never trap, and never change the number of bytes")
  func flippedBits() {
    let frame = Zstd.compress(Array(Self.text.prefix(3000)), mode: .max)
    for index in frame.indices {
      for bit in 0..<8 {
        var damaged = frame
        damaged[index] ^= 1 << bit
        do throws(CompressionError) {
          let content = try Zstd.decompress(damaged, expectedByteCount: 3000)
          #expect(content.count == 3000)
        } catch {}
        do throws(CompressionError) {
          let content = try Zstd.decompress(damaged, limit: 5000)
          #expect(content.count <= 5000)
        } catch {}
      }
    }
  }

  @Test("random garbage is an error", arguments: [1, 3, 4, 5, 17, 1000])
  func garbage(byteCount: Int) {
    for _ in 0..<100 {
      #expect(throws: CompressionError.self) { try Zstd.decompress(SecureRandom.bytes(byteCount), limit: 1 << 20) }
    }
  }

  @Test("many threads can compress and decompress at once")
  func concurrent() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for task in 0..<8 {
        group.addTask {
          for round in 0..<50 {
            let bytes = [UInt8](repeating: UInt8(task), count: round * 1000) + Self.text.prefix(round)
            let frame = Zstd.compress(bytes, mode: round % 10 == 0 ? .max : .auto)
            let content = try Zstd.decompress(frame, expectedByteCount: bytes.count)
            #expect(content.fingerprint == bytes.fingerprint)
          }
        }
      }
      try await group.waitForAll()
    }
  }
}
