import Glibc

/// An IPv4 or IPv6 address: its bytes, as they are sent.
struct NetworkAddress: Hashable, Sendable {
  private let bytes: [UInt8]

  /// The address that `text` spells; nil for anything else, names among it.
  init?(_ text: String) {
    var bytes = [UInt8](repeating: 0, count: 16)
    if inet_pton(AF_INET, text, &bytes) == 1 {
      self.bytes = Array(bytes.prefix(4))
    } else if inet_pton(AF_INET6, text, &bytes) == 1 {
      // An IPv4 address in an IPv6 one is that address.
      let isMapped = bytes.prefix(10).allSatisfy { $0 == 0 } && bytes[10] == 0xff && bytes[11] == 0xff
      self.bytes = isMapped ? Array(bytes.suffix(4)) : bytes
    } else {
      return nil
    }
  }

  /// 32 or 128.
  var bitCount: Int { bytes.count * 8 }

  /// Whether it means this machine.
  var isLoopback: Bool {
    bytes.count == 4 ? bytes[0] == 127 : bytes.last == 1 && bytes.dropLast().allSatisfy { $0 == 0 }
  }

  /// Whether the first `prefix` bits are those of `network`.
  func isIn(_ network: NetworkAddress, prefix: Int) -> Bool {
    guard network.bytes.count == bytes.count else { return false }
    return (0..<prefix).allSatisfy { bit in
      let difference: UInt8 = bytes[bit / 8] ^ network.bytes[bit / 8]
      return difference & (0x80 >> UInt8(bit % 8)) == 0
    }
  }
}
