import Testing

@testable import ResticCore

@Suite("MasterKey")
struct MasterKeyTests {
  static func key(_ bytes: [UInt8]) -> MasterKey {
    bytes.withUnsafeBytes { MasterKey(rawBytes: SecureBytes(copying: $0)) }
  }

  /// The example in restic's own tests (internal/crypto).
  static let exampleKey = key(
    Vector.hex(
      """
      303e8687b1d7db18421bdc6bb8588ccadac4d59ee87b8ff70c44e635790cafef
      ef4d8824cb80b2bcc5fbff8a9b12a42c cc8d4b948ee0ebfe1d415de921d10353
      """))
  static let exampleSealed = Vector.hex(
    """
    69fb41c62d12def4593bd71757138606338f621aeaeb39da0fe4f99233f8037a
    54ea63338a813bcf3f75d8c3cc75dddf8750
    """)
  static let examplePlaintext = Array("Dies ist ein Test!".utf8)

  @Test("restic's example opens")
  func opensExample() throws {
    #expect(try Self.exampleKey.open(Self.exampleSealed) == Self.examplePlaintext)
  }

  @Test("with restic's IV, sealing restic's plaintext gives restic's bytes")
  func sealsExample() {
    let sealed = Self.examplePlaintext.withUnsafeBytes { plaintext in
      Self.exampleSealed.withUnsafeBytes { sealed in
        Self.exampleKey.seal(plaintext, iv: UnsafeRawBufferPointer(rebasing: sealed[..<16]))
      }
    }
    #expect(sealed == Self.exampleSealed)
  }

  @Test("a file that restic wrote opens and decompresses")
  func opensResticFile() throws {
    let plaintext = try Self.key(ResticSample.masterKey).open(ResticSample.sealedSnapshot)
    #expect(plaintext.first == 2)
    let json = try Zstd.decompress(Array(plaintext.dropFirst()), limit: 1 << 20)
    #expect(String(decoding: json, as: UTF8.self).hasPrefix(ResticSample.snapshotPrefix))
  }

  /// restic writes key files without the bits of r that Poly1305 ignores; values derived from a key do not depend on them.
  @Test("the bits that Poly1305 ignores are not part of a key")
  func ignoredBits() throws {
    let random = SecureRandom.bytes(MasterKey.byteCount)
    var cleared = random
    for index in [3, 7, 11, 15] { cleared[48 + index] &= 0x0F }
    for index in [4, 8, 12] { cleared[48 + index] &= 0xFC }
    let (first, second) = (Self.key(random), Self.key(cleared))
    #expect(first.withRawBytes { Array($0) } == cleared)
    let sealed = first.derived(for: "test").seal(Self.examplePlaintext)
    #expect(try second.derived(for: "test").open(sealed) == Self.examplePlaintext)
  }

  @Test("sealed data of any length opens again", arguments: [0, 1, 15, 16, 17, 31, 32, 33, 4096, 1_000_003])
  func roundTrip(byteCount: Int) throws {
    let plaintext = SecureRandom.bytes(byteCount)
    let key = MasterKey.random()
    let sealed = key.seal(plaintext)
    #expect(sealed.count == byteCount + MasterKey.overhead)
    #expect(try key.open(sealed) == plaintext)
  }

  @Test("sealing twice gives different IVs and different ciphertexts")
  func freshIV() {
    let key = MasterKey.random()
    let (first, second) = (key.seal(Self.examplePlaintext), key.seal(Self.examplePlaintext))
    #expect(first[..<16] != second[..<16])
    #expect(first[16...] != second[16...])
  }

  @Test("every truncation is refused")
  func truncations() {
    for byteCount in 0..<Self.exampleSealed.count {
      let error = #expect(throws: CryptoError.self) {
        try Self.exampleKey.open(Array(Self.exampleSealed.prefix(byteCount)))
      }
      #expect(error == (byteCount < MasterKey.overhead ? .truncated : .wrongMAC))
    }
  }

  @Test("every flipped bit in the IV, the ciphertext and the MAC is noticed")
  func flippedBits() {
    for index in Self.exampleSealed.indices {
      for bit in 0..<8 {
        var sealed = Self.exampleSealed
        sealed[index] ^= 1 << bit
        #expect(throws: CryptoError.wrongMAC) { try Self.exampleKey.open(sealed) }
      }
    }
  }

  @Test("another key opens nothing")
  func otherKey() {
    #expect(throws: CryptoError.wrongMAC) { try MasterKey.random().open(Self.exampleSealed) }
  }

  @Test("a key's bytes can be borrowed unchanged, and are never printed")
  func rawBytes() {
    let raw = ResticSample.masterKey
    let key = Self.key(raw)
    #expect(key.withRawBytes { Array($0) } == raw)
    var dumped = ""
    dump(key, to: &dumped)
    #expect("\(key)" == "a secret key")
    #expect(dumped.contains("a secret key") && !dumped.contains("bytes"))
  }

  @Test("many threads can use one key at the same time")
  func concurrent() async throws {
    let key = MasterKey.random()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for task in 0..<8 {
        group.addTask {
          for round in 0..<200 {
            let plaintext = [UInt8](repeating: UInt8(task), count: round * 7)
            let opened = try key.open(key.seal(plaintext))
            #expect(opened == plaintext)
          }
        }
      }
      try await group.waitForAll()
    }
  }
}
