import ResticTestSupport
import Testing

@testable import ResticCore

@Suite("Sealing and opening blobs")
struct BlobCoderTests {
  private static let text = [UInt8](repeating: UInt8(ascii: "a"), count: 5000)

  private static func coder(version: Int = 2, _ compression: CompressionMode = .auto) -> BlobCoder {
    BlobCoder(masterKey: .random(), version: version, compression: compression, verifiesWrites: true)
  }

  private static func sealed(_ coder: BlobCoder, _ bytes: [UInt8], _ type: BlobType = .data) throws -> SealedBlob {
    try coder.seal(PooledBytes(copying: bytes), id: SHA256.id(of: bytes), type: type)
  }

  @Test("sealed blobs of any size, version and compression open again", arguments: [1, 2])
  func roundTrip(version: Int) throws {
    for mode in CompressionMode.allCases {
      let coder = Self.coder(version: version, mode)
      // The check after the sealing compares pieces of 128 KiB.
      let sizes = [100_000, (128 << 10) - 1, 128 << 10, (128 << 10) + 1, 1 << 20]
      let noise = sizes.map { TestRepository.noise($0, seed: 1) }
      for bytes in [[], [0], Self.text, [UInt8](repeating: 0, count: 256 << 10)] + noise {
        for type in [BlobType.data, .tree] {
          let blob = try Self.sealed(coder, bytes, type)
          #expect(blob.plaintextByteCount == bytes.count)
          let opened = try coder.open(
            blob.bytes.array, uncompressedLength: blob.uncompressedLength, id: blob.id, place: "test")
          #expect(opened.fingerprint == bytes.fingerprint)
        }
      }
    }
  }

  @Test(
    "version 1 and empty blobs are never compressed; with compression off only trees are; small noise is compressed like text"
  )
  func whatIsCompressed() throws {
    let noise = TestRepository.noise(5000, seed: 2)
    #expect(try Self.sealed(Self.coder(version: 1, .max), Self.text).uncompressedLength == nil)
    #expect(try Self.sealed(Self.coder(version: 1, .max), Self.text, .tree).uncompressedLength == nil)
    #expect(try Self.sealed(Self.coder(.off), Self.text).uncompressedLength == nil)
    #expect(try Self.sealed(Self.coder(.off), Self.text, .tree).uncompressedLength == 5000)
    #expect(try Self.sealed(Self.coder(), Self.text).uncompressedLength == 5000)
    #expect(try Self.sealed(Self.coder(), Self.text).bytes.byteCount < 200)
    #expect(try Self.sealed(Self.coder(), noise).uncompressedLength == 5000)
    #expect(try Self.sealed(Self.coder(), []).uncompressedLength == nil)
  }

  @Test(
    "with auto, data is stored uncompressed if no sample shrinks, and compressed as a whole if one does")
  func samples() throws {
    let noise = TestRepository.noise(1 << 20, seed: 4)
    #expect(try Self.sealed(Self.coder(), noise).uncompressedLength == nil)
    #expect(try Self.sealed(Self.coder(.fastest), noise).uncompressedLength == nil)
    #expect(try Self.sealed(Self.coder(.better), noise).uncompressedLength == nil)
    #expect(try Self.sealed(Self.coder(.max), noise).uncompressedLength == 1 << 20)
    #expect(try Self.sealed(Self.coder(), noise, .tree).uncompressedLength == 1 << 20)
    // Too short to be looked at, and just long enough.
    for (byteCount, isCompressed) in [((256 << 10) - 1, true), (256 << 10, false)] {
      let blob = try Self.sealed(Self.coder(), Array(noise.prefix(byteCount)))
      #expect((blob.uncompressedLength != nil) == isCompressed, "\(byteCount)")
    }
    // Text as long as the way from one piece to the next, and two pieces more, wherever it is.
    let text = [UInt8](repeating: UInt8(ascii: "x"), count: noise.count / 16 + 8192)
    for start in stride(from: 0, to: noise.count - text.count, by: 30_011) {
      var mixed = noise
      mixed.replaceSubrange(start..<start + text.count, with: text)
      let blob = try Self.sealed(Self.coder(), mixed)
      #expect(blob.uncompressedLength == 1 << 20)
      #expect(blob.bytes.byteCount < noise.count - text.count / 2)
    }
  }

  @Test("a sealed blob that does not read back unchanged is refused")
  func readBack() throws {
    let coder = Self.coder()
    let blob = try Self.sealed(coder, Self.text)
    func verify(_ sealed: [UInt8], _ plaintext: [UInt8]) throws {
      let sealed = SealedBlob(
        id: blob.id, type: blob.type, bytes: PooledBytes(copying: sealed), uncompressedLength: blob.uncompressedLength)
      try coder.verify(sealed, against: PooledBytes(copying: plaintext))
    }
    try verify(blob.bytes.array, Self.text)
    var other = Self.text
    other[100] ^= 1
    #expect(throws: RepositoryError.self) { try verify(blob.bytes.array, other) }
    for index in [0, blob.bytes.byteCount / 2, blob.bytes.byteCount - 1] {
      var damaged = blob.bytes.array
      damaged[index] ^= 1
      #expect(throws: RepositoryError.self) { try verify(damaged, Self.text) }
    }
  }

  // R9.
  @Test("a blob that a faulty processor encrypts wrongly is refused when it is sealed", arguments: [true, false])
  func wrongEncryption(isCompressed: Bool) async throws {
    let coder = Self.coder(isCompressed ? .max : .off)
    let bytes = TestRepository.noise(200_000, seed: isCompressed ? 8_101 : 8_102)
    let encrypted = isCompressed ? Zstd.compress(bytes, mode: .max) : bytes
    await CipherFault.encryptingWrongly(encrypted) {
      #expect(throws: RepositoryError.self) { try Self.sealed(coder, bytes) }
    }
    #expect(try Self.sealed(coder, bytes).plaintextByteCount == bytes.count)
  }

  @Test("every truncation and every flipped bit is found, and the message names blob and pack")
  func damage() throws {
    let coder = Self.coder()
    let blob = try Self.sealed(coder, Array(Self.text.prefix(300)))
    for damaged in Damage.all(of: blob.bytes.array) where damaged != blob.bytes.array {
      let error = #expect(throws: RepositoryError.self) {
        try coder.open(damaged, uncompressedLength: 300, id: blob.id, place: "pack 1234")
      }
      #expect("\(try #require(error))".contains(blob.id.short))
      #expect("\(try #require(error))".contains("pack 1234"))
    }
  }

  @Test("a blob of another length, or another blob with the same key, is refused although it opens")
  func authenticButWrong() throws {
    let coder = Self.coder()
    let blob = try Self.sealed(coder, Self.text)
    for length: UInt32? in [0, 1, 4999, 5001, UInt32.max, nil] {
      #expect(throws: RepositoryError.self) {
        try coder.open(blob.bytes.array, uncompressedLength: length, id: blob.id, place: "test")
      }
    }
    let other = try Self.sealed(coder, [UInt8](repeating: 1, count: 5000))
    #expect(throws: RepositoryError.self) {
      try coder.open(other.bytes.array, uncompressedLength: 5000, id: blob.id, place: "test")
    }
  }
}

extension BlobCoder {
  fileprivate func open(
    _ sealed: [UInt8], uncompressedLength: UInt32?, id: BlobID, place: String
  ) throws -> [UInt8] {
    try sealed.withUnsafeBytes { try open($0, uncompressedLength: uncompressedLength, id: id, place: place) }
  }
}
