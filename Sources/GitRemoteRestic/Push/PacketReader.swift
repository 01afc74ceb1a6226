import SystemPackage

/// Reads packets from a stream.
struct PacketReader {
  private static let chunk = 65536
  private let descriptor: FileDescriptor
  private var buffer: [UInt8] = []
  private var start = 0

  init(_ descriptor: FileDescriptor) {
    self.descriptor = descriptor
  }

  /// Whether the next packet, or its beginning, has already been read.
  var hasBuffered: Bool { start < buffer.count }

  /// Returns the next packet; nil at the end of the stream. Throws if a packet is cut off or malformed.
  mutating func next() throws(HelperError) -> Packet? {
    while true {
      if let (packet, byteCount) = Packet.first(in: buffer[start...]) {
        start += byteCount
        return packet
      }
      if buffer.count - start >= 4, Packet.length(buffer[start..<start + 4]) == nil {
        throw HelperError("what came is not git's protocol")
      }
      guard try fill() else {
        guard !hasBuffered else { throw HelperError("the other side ended in the middle of a line") }
        return nil
      }
    }
  }

  /// Returns the bytes that were read after the last packet.
  mutating func takeBuffered() -> [UInt8] {
    defer { (buffer, start) = ([], 0) }
    return Array(buffer[start...])
  }

  private mutating func fill() throws(HelperError) -> Bool {
    if start > 0 {
      buffer.removeFirst(start)
      start = 0
    }
    let old = buffer.count
    buffer += repeatElement(0, count: Self.chunk)
    do {
      let count = try buffer.withUnsafeMutableBytes {
        try descriptor.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[old...]))
      }
      buffer.removeLast(Self.chunk - count)
      return count > 0
    } catch {
      buffer.removeLast(Self.chunk)
      throw HelperError("the other side cannot be heard: \(error)")
    }
  }
}
