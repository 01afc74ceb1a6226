import Testing

@testable import ResticCore

@Suite("Poly1305-AES")
struct Poly1305AESTests {
  struct Example: Sendable {
    let message, r, k, nonce, mac: [UInt8]
  }

  /// The four examples in Bernstein's paper, appendix B.
  static let examples = [
    Example(
      message: Vector.hex("f3f6"),
      r: Vector.hex("851fc40c3467ac0be05cc20404f3f700"),
      k: Vector.hex("ec074c835580741701425b623235add6"),
      nonce: Vector.hex("fb447350c4e868c52ac3275cf9d4327e"),
      mac: Vector.hex("f4c633c3044fc145f84f335cb81953de")),
    Example(
      message: [],
      r: Vector.hex("a0f3080000f46400d0c7e9076c834403"),
      k: Vector.hex("75deaa25c09f208e1dc4ce6b5cad3fbf"),
      nonce: Vector.hex("61ee09218d29b0aaed7e154a2c5509cc"),
      mac: Vector.hex("dd3fab2251f11ac759f0887129cc2ee7")),
    Example(
      message: Vector.hex("663cea190ffb83d89593f3f476b6bc24d7e679107ea26adb8caf6652d0656136"),
      r: Vector.hex("48443d0bb0d21109c89a100b5ce2c208"),
      k: Vector.hex("6acb5f61a7176dd320c5c1eb2edcdc74"),
      nonce: Vector.hex("ae212a55399729595dea458bc621ff0e"),
      mac: Vector.hex("0ee1c16bb73f0f4fd19881753c01cdbe")),
    Example(
      message: Vector.hex(
        """
        ab0812724a7f1e342742cbed374d94d136c6b8795d45b3819830f2c04491faf0
        990c62e48b8018b2c3e4a0fa3134cb67fa83e158c994d961c4cb21095c1bf9
        """),
      r: Vector.hex("12976a08c4426d0ce8a82407c4f48207"),
      k: Vector.hex("e1a5668a4d5b66a5f68cc5424ed5982d"),
      nonce: Vector.hex("9ae831e743978d3a23527c7128149e3a"),
      mac: Vector.hex("5154ad0d2cb26e01274fc51148491f1b")),
  ]

  static func mac(_ example: Example) -> [UInt8] {
    var mac = [UInt8](repeating: 0, count: 16)
    mac.withUnsafeMutableBytes { mac in
      example.message.withUnsafeBytes { message in
        example.k.withUnsafeBytes { k in
          example.r.withUnsafeBytes { r in
            example.nonce.withUnsafeBytes { nonce in
              guard let mac = mac.baseAddress, let k = k.baseAddress, let r = r.baseAddress,
                let nonce = nonce.baseAddress
              else { return }
              Poly1305AES.authenticate(message, k: k, r: r, nonce: nonce, mac: mac)
            }
          }
        }
      }
    }
    return mac
  }

  @Test("the examples of the paper are reproduced", arguments: examples)
  func paper(example: Example) {
    #expect(Self.mac(example) == example.mac)
  }

  @Test("the bits of r that Poly1305 clears make no difference", arguments: examples)
  func unmasked(example: Example) {
    var r = example.r
    for index in [3, 7, 11, 15] { r[index] |= 0xf0 }
    for index in [4, 8, 12] { r[index] |= 0x03 }
    let unmasked = Example(message: example.message, r: r, k: example.k, nonce: example.nonce, mac: example.mac)
    #expect(Self.mac(unmasked) == example.mac)
  }
}
