/// Why bytes are not a packet of the protocol.
struct SFTPPacketError: Error, Hashable, Sendable, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}

/// Reads a packet from its beginning to its end, and never beyond.
struct SFTPPacketReader {
  private var rest: UnsafeRawBufferPointer.SubSequence

  /// A reader of `packet`, which must stay in memory meanwhile.
  init(_ packet: UnsafeRawBufferPointer) {
    rest = packet[...]
  }

  /// Whether nothing is left.
  var isAtEnd: Bool { rest.isEmpty }

  /// How many bytes are left.
  var byteCount: Int { rest.count }

  /// The next byte.
  mutating func byte() throws(SFTPPacketError) -> UInt8 {
    guard let byte = rest.popFirst() else { throw Self.tooShort }
    return byte
  }

  /// The next number, big-endian.
  mutating func number<Number: FixedWidthInteger & UnsignedInteger>() throws(SFTPPacketError) -> Number {
    let bytes = try bytes(MemoryLayout<Number>.size)
    return Number(bigEndian: UnsafeRawBufferPointer(rebasing: bytes).loadUnaligned(as: Number.self))
  }

  /// The bytes of the next text.
  mutating func text() throws(SFTPPacketError) -> UnsafeRawBufferPointer.SubSequence {
    let count: UInt32 = try number()
    return try bytes(Int(count))
  }

  /// All remaining bytes.
  mutating func remainder() -> [UInt8] {
    defer { rest = rest.suffix(0) }
    return [UInt8](rest)
  }

  private mutating func bytes(_ count: Int) throws(SFTPPacketError) -> UnsafeRawBufferPointer.SubSequence {
    guard count <= rest.count else { throw Self.tooShort }
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count)
  }

  private static let tooShort = SFTPPacketError("a packet ends too early")
}
