import Platform

/// One pkt-line: a length of four hexadecimal digits, which counts those digits, and a payload; or one of the lengths
/// below four, which have a meaning of their own. Source: gitprotocol-common(5).
struct Packet: Hashable, Sendable {
  /// The longest packet, in bytes.
  static let longest = 65520
  /// The packet that ends a list.
  static let flush = Packet(payload: [], kind: .special(0))

  enum Kind: Hashable, Sendable {
    case data
    /// 0 flush, 1 delimiter, 2 end of response.
    case special(Int)
  }

  /// The payload; empty in a special packet.
  let payload: [UInt8]
  let kind: Kind

  /// Creates a packet with `payload`, which must leave room for the length.
  init(_ payload: [UInt8]) {
    precondition(payload.count <= Self.longest - 4, "a pkt-line holds at most \(Self.longest - 4) bytes")
    self.init(payload: payload, kind: .data)
  }

  init(payload: [UInt8], kind: Kind) {
    self.payload = payload
    self.kind = kind
  }

  /// Whether the packet ends a list.
  var isFlush: Bool { kind == .special(0) }

  /// The packet as it is sent.
  var encoded: [UInt8] {
    switch kind {
    case .data: Array(Hex.text(UInt16(payload.count + 4)).utf8) + payload
    case .special(let number): Array(Hex.text(UInt16(number)).utf8)
    }
  }

  /// The length that four digits spell; nil if they are not hexadecimal or if git has no such length.
  static func length(_ digits: some Collection<UInt8>) -> Int? {
    var length = 0
    for digit in digits {
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): length = length << 4 | Int(digit - UInt8(ascii: "0"))
      case UInt8(ascii: "a")...UInt8(ascii: "f"): length = length << 4 | Int(digit - UInt8(ascii: "a") + 10)
      case UInt8(ascii: "A")...UInt8(ascii: "F"): length = length << 4 | Int(digit - UInt8(ascii: "A") + 10)
      default: return nil
      }
    }
    return length == 3 || length > longest ? nil : length
  }
}

extension Packet {
  /// The payload without the newline that may end it.
  var line: ArraySlice<UInt8> { payload.last == UInt8(ascii: "\n") ? payload.dropLast() : payload[...] }

  /// The packets in `bytes`, up to the first that is incomplete or malformed.
  static func parse(_ bytes: [UInt8]) -> [Packet] {
    var packets: [Packet] = []
    var rest = bytes[...]
    while let (packet, byteCount) = first(in: rest) {
      packets.append(packet)
      rest = rest.dropFirst(byteCount)
    }
    return packets
  }

  /// The packet at the beginning of `bytes` and its length; nil if it is incomplete or malformed.
  static func first(in bytes: ArraySlice<UInt8>) -> (packet: Packet, byteCount: Int)? {
    guard bytes.count >= 4, let length = length(bytes.prefix(4)) else { return nil }
    if length < 4 { return (Packet(payload: [], kind: .special(length)), 4) }
    guard bytes.count >= length else { return nil }
    return (Packet(payload: Array(bytes.dropFirst(4).prefix(length - 4)), kind: .data), length)
  }
}
