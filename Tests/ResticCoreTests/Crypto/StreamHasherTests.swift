import ResticCore
import Testing

@Suite("Hashing piece by piece")
struct StreamHasherTests {
  /// The same messages as for SHA-256, with their SHA-1 from FIPS 180-4.
  private static let sha1 = [
    "da39a3ee5e6b4b0d3255bfef95601890afd80709", "a9993e364706816aba3e25717850c26c9cd0d89d",
    "84983e441c3bd26ebaae4aa1f95129e5e54670f1", "34aa973cd4c4daa4f61eeb2bdbad27316534016f",
  ]

  private static func hash(_ message: [UInt8], _ algorithm: StreamHasher.Algorithm, pieceByteCount: Int) -> String {
    let hasher = StreamHasher(algorithm)
    var offset = 0
    while offset < message.count {
      let end = min(offset + pieceByteCount, message.count)
      hasher.update(message[offset..<end])
      offset = end
    }
    hasher.update([])
    return Hex.text(hasher.finish())
  }

  @Test("pieces of any size give the hash of the whole", arguments: [1, 3, 63, 64, 65, 1000, 999_999, 2_000_000])
  func pieces(pieceByteCount: Int) {
    for (vector, sha1) in zip(SHA256Tests.vectors, Self.sha1) {
      #expect(Self.hash(vector.message, .sha256, pieceByteCount: pieceByteCount) == vector.hex)
      #expect(Self.hash(vector.message, .sha1, pieceByteCount: pieceByteCount) == sha1)
    }
  }
}
