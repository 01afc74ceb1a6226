import Glibc

/// An IPv4 or IPv6 address: its bytes in network order.
struct NetworkAddress: Hashable, Sendable {
  private let bytes: [UInt8]

  /// The address that `text` spells; nil for anything else, such as names.
  init?(_ text: String) {
    var bytes = [UInt8](repeating: 0, count: 16)
    if inet_pton(AF_INET, text, &bytes) == 1 {
      self.bytes = Array(bytes.prefix(4))
    } else if inet_pton(AF_INET6, text, &bytes) == 1 {
      // An IPv4 address that is mapped into IPv6 counts as the IPv4 address.
      let isMapped = bytes.prefix(10).allSatisfy { $0 == 0 } && bytes[10] == 0xff && bytes[11] == 0xff
      self.bytes = isMapped ? Array(bytes.suffix(4)) : bytes
    } else {
      return nil
    }
  }

  /// 32 or 128.
  var bitCount: Int { bytes.count * 8 }

  /// Whether the address is this machine's loopback.
  var isLoopback: Bool {
    bytes.count == 4 ? bytes[0] == 127 : bytes.last == 1 && bytes.dropLast().allSatisfy { $0 == 0 }
  }

  /// Whether the first `prefix` bits equal those of `network`.
  func isIn(_ network: NetworkAddress, prefix: Int) -> Bool {
    guard network.bytes.count == bytes.count else { return false }
    return (0..<prefix).allSatisfy { bit in
      let difference: UInt8 = bytes[bit / 8] ^ network.bytes[bit / 8]
      return difference & (0x80 >> UInt8(bit % 8)) == 0
    }
  }
}
