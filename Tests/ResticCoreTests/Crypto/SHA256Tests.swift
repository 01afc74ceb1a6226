import ResticCore
import Testing

@Suite("SHA-256")
struct SHA256Tests {
  /// FIPS 180-4 examples.
  static let vectors: [(message: [UInt8], hex: String)] = [
    ([], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    (Array("abc".utf8), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8),
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (
      [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000),
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    ),
  ]

  @Test("the examples of FIPS 180-4 are reproduced", arguments: vectors)
  func examples(message: [UInt8], hex: String) {
    #expect(SHA256.id(of: message, as: BlobID.self).hex == hex)
  }

  @Test("an empty input has an id")
  func nothing() {
    #expect(SHA256.id(of: UnsafeRawBufferPointer(start: nil, count: 0), as: BlobID.self).hex == Self.vectors[0].hex)
  }
}
