import Testing

@testable import ResticCore

@Suite("AES-256 in counter mode")
struct AESCounterModeTests {
  /// NIST SP 800-38A, F.5.5.
  static let key = Vector.hex("603deb1015ca71be2b73aef0857d7781 1f352c073b6108d72d9810a30914dff4")
  static let counter = Vector.hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
  static let plaintext = Vector.hex(
    """
    6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51
    30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710
    """)
  static let ciphertext = Vector.hex(
    """
    601ec313775789a5b7a7f504bbf3d228 f443e3ca4d62b59aca84e990cacaf5c5
    2b0930daa23de94ce87017ba2d84988d dfc9c58db67aada613c2dd08457941a6
    """)

  static func apply(_ input: [UInt8], counter: [UInt8] = counter) -> [UInt8] {
    var output = input
    output.withUnsafeMutableBytes { output in
      guard let start = output.baseAddress else { return }
      key.withUnsafeBytes { key in
        counter.withUnsafeBytes { counter in
          guard let key = key.baseAddress, let counter = counter.baseAddress else { return }
          AESCounterMode.apply(key: key, iv: counter, input: UnsafeRawBufferPointer(output), output: start)
        }
      }
    }
    return output
  }

  @Test("NIST's example is reproduced in place, for every length up to its own")
  func example() {
    for byteCount in 0...Self.plaintext.count {
      #expect(Self.apply(Array(Self.plaintext.prefix(byteCount))) == Array(Self.ciphertext.prefix(byteCount)))
    }
    #expect(Self.apply(Self.ciphertext) == Self.plaintext)
  }

  @Test("the counter wraps around as one 128-bit number")
  func wrap() {
    let zeros = [UInt8](repeating: 0, count: 32)
    let wrapped = Self.apply(zeros, counter: [UInt8](repeating: 0xff, count: 16))
    #expect(wrapped[16...] == Self.apply(zeros, counter: [UInt8](repeating: 0, count: 16))[..<16])
  }
}
