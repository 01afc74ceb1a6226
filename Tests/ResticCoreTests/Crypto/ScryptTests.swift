import ResticCore
import Testing

@Suite("Scrypt")
struct ScryptTests {
  struct Example: Sendable {
    let password, salt: String
    let cost: ScryptCost
    let key: [UInt8]
  }

  /// RFC 7914, section 12, but for the one that takes 1 GiB.
  static let examples = [
    Example(
      password: "", salt: "", cost: ScryptCost(n: 16, r: 1, p: 1),
      key: Vector.hex(
        """
        77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442
        fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906
        """)),
    Example(
      password: "password", salt: "NaCl", cost: ScryptCost(n: 1024, r: 8, p: 16),
      key: Vector.hex(
        """
        fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162
        2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640
        """)),
    Example(
      password: "pleaseletmein", salt: "SodiumChloride", cost: ScryptCost(n: 16384, r: 8, p: 1),
      key: Vector.hex(
        """
        7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2
        d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887
        """)),
  ]

  static func secret(_ text: String) -> SecureBytes {
    Array(text.utf8).withUnsafeBytes { SecureBytes(copying: $0) }
  }

  @Test("the examples of RFC 7914 are reproduced", arguments: examples)
  func rfc(example: Example) throws {
    let key = try Scrypt.derive(
      password: Self.secret(example.password), salt: Array(example.salt.utf8), cost: example.cost)
    #expect(key.withUnsafeBytes { Array($0) } == example.key)
  }

  @Test("the password opens a key file that restic wrote, and another password does not")
  func resticKeyFile() throws {
    let cost = ScryptCost(n: 32768, r: 8, p: 7)
    let key = MasterKey(
      rawBytes: try Scrypt.derive(password: Self.secret("geheim"), salt: ResticSample.salt, cost: cost))
    let json = try key.open(ResticSample.sealedMasterKey)
    #expect(String(decoding: json, as: UTF8.self) == ResticSample.masterKeyJSON)
    let other = MasterKey(
      rawBytes: try Scrypt.derive(password: Self.secret("Geheim"), salt: ResticSample.salt, cost: .minimum))
    #expect(throws: CryptoError.wrongMAC) { try other.open(ResticSample.sealedMasterKey) }
  }

  @Test("an unreasonable cost is refused, and nothing is allocated", arguments: ScryptCostTests.unacceptable)
  func refusal(cost: ScryptCost) {
    #expect(throws: CryptoError.unacceptableCost(cost)) {
      try Scrypt.derive(password: Self.secret("x"), salt: [1, 2, 3], cost: cost)
    }
  }
}
