internal import Glibc
internal import SystemPackage

/// Packets to write to the server: some short ones, and the bytes that follow the last of them, which are not copied.
struct SFTPOutput {
  private var packets: [UInt8] = []
  private var sentPackets = 0
  private var payload: PooledBytes?
  private var rest = 0..<0

  /// How many bytes are gathered before they are written.
  private static let batchByteCount = 64 << 10
  /// Payloads up to this size are copied after their packet: that saves system calls.
  private static let smallPayload = 4 << 10

  /// Whether there is nothing to write.
  var isEmpty: Bool { sentPackets == packets.count && rest.isEmpty }

  /// Whether another packet may be added now.
  var hasRoom: Bool { payload == nil && packets.count < Self.batchByteCount }

  /// Adds `packet`.
  mutating func append(_ packet: [UInt8]) {
    packets += packet
  }

  /// Adds the packet for `request`, with the number `id`, followed by `range` of `bytes`.
  mutating func append(_ request: SFTPRequest, id: UInt32, bytes: PooledBytes? = nil, range: Range<Int> = 0..<0) {
    request.encode(id: id, to: &packets)
    guard let bytes, !range.isEmpty else { return }
    if range.count <= Self.smallPayload {
      bytes.withUnsafeBytes { packets += UnsafeRawBufferPointer(rebasing: $0[range]) }
    } else {
      (payload, rest) = (bytes, range)
    }
  }

  /// Writes as much as the pipe accepts. Returns how many bytes that was.
  mutating func write(to descriptor: FileDescriptor) throws(Errno) -> Int {
    var written = 0
    while !isEmpty {
      let count = writeOnce(to: descriptor)
      guard count >= 0 else {
        let error = Errno(rawValue: errno)
        if error == .interrupted { continue }
        guard error == .wouldBlock else { throw error }
        break
      }
      written += count
      let ofPackets = min(count, packets.count - sentPackets)
      sentPackets += ofPackets
      rest = rest.lowerBound + count - ofPackets..<rest.upperBound
    }
    if isEmpty {
      packets.removeAll(keepingCapacity: true)
      (sentPackets, payload, rest) = (0, nil, 0..<0)
    }
    return written
  }

  private func writeOnce(to descriptor: FileDescriptor) -> Int {
    packets.withUnsafeBytes { packets in
      let head = UnsafeRawBufferPointer(rebasing: packets[sentPackets...])
      guard let payload, !rest.isEmpty else { return Glibc.write(descriptor.rawValue, head.baseAddress, head.count) }
      return payload.withUnsafeBytes { bytes in
        let tail = UnsafeRawBufferPointer(rebasing: bytes[rest])
        var parts = [
          iovec(iov_base: UnsafeMutableRawPointer(mutating: head.baseAddress), iov_len: head.count),
          iovec(iov_base: UnsafeMutableRawPointer(mutating: tail.baseAddress), iov_len: tail.count),
        ]
        return Glibc.writev(descriptor.rawValue, &parts, Int32(parts.count))
      }
    }
  }
}
