internal import Glibc
internal import SystemPackage

/// Reads packets from the server into a buffer of fixed size; the bytes of a file go from the pipe to their final
/// place.
///
/// Belongs to the connection's thread.
final class SFTPInput {
  /// What has arrived.
  enum Event {
    /// A packet, without its length. Valid during the call only.
    case packet(UnsafeRawBufferPointer)
    /// All `byteCount` bytes that answer the read with the number `id` are in its memory.
    case data(id: UInt32, byteCount: Int)
  }

  /// The destination of the bytes that answer a read.
  struct Target {
    /// The memory; room for all of it.
    let memory: PooledBytes
    /// The offset of the bytes in the memory.
    let offset: Int
    /// The most bytes that may arrive.
    let byteCount: Int
    /// The size of the whole memory.
    let totalByteCount: Int
  }

  /// The size limit of a packet. OpenSSH's have at most 256 KiB, plus the header of a data packet.
  static let longestPacket = (256 << 10) + 1024
  /// Length, type, id and size of a packet of data.
  private static let dataHead = 13

  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: SFTPInput.longestPacket + 4, alignment: 16)
  private var filled = 0..<0
  /// The read whose bytes are arriving, and how many of them have arrived.
  private var current: (id: UInt32, target: Target, received: Int)?

  deinit { buffer.deallocate() }

  /// Bytes that have arrived and are not a packet yet: for a program that is not an SFTP server, its output.
  var unread: [UInt8] { [UInt8](buffer[filled]) }

  /// Reads once from `descriptor`. Returns the number of bytes, 0 at the end, nil if there are none at the moment.
  func fill(from descriptor: FileDescriptor) throws(Errno) -> Int? {
    if filled.isEmpty { filled = 0..<0 }
    if filled.lowerBound > 0, buffer.count - filled.upperBound < buffer.count / 2 { moveToStart() }
    while true {
      let count = readOnce(from: descriptor)
      if count >= 0 { return count }
      let error = Errno(rawValue: errno)
      if error == .wouldBlock { return nil }
      guard error == .interrupted else { throw error }
    }
  }

  /// The next complete event; nil if more has to be read. `target`: the destination of the bytes that answer the read
  /// with a number; nil if there is no such read.
  func next(_ target: (UInt32) -> Target?) throws(SFTPPacketError) -> Event? {
    if let current, current.received == current.target.byteCount {
      self.current = nil
      return .data(id: current.id, byteCount: current.received)
    }
    guard current == nil, filled.count >= 4 else { return nil }
    let length = Int(number(at: 0))
    guard length > 0, length <= Self.longestPacket else {
      throw SFTPPacketError("it announces a packet of \(length) bytes")
    }
    if filled.count > 4, buffer[filled.lowerBound + 4] == SFTPReply.dataType {
      return try begin(length: length, target)
    }
    guard filled.count >= 4 + length else { return nil }
    let packet = buffer[filled.lowerBound + 4..<filled.lowerBound + 4 + length]
    filled = filled.lowerBound + 4 + length..<filled.upperBound
    return .packet(UnsafeRawBufferPointer(rebasing: packet))
  }

  /// Begins a data packet; its bytes that are in the buffer go to their destination.
  private func begin(length: Int, _ target: (UInt32) -> Target?) throws(SFTPPacketError) -> Event? {
    guard filled.count >= Self.dataHead else {
      guard length >= Self.dataHead - 4 else { throw SFTPPacketError("a packet of data ends too early") }
      return nil
    }
    let (id, count) = (number(at: 5), Int(number(at: 9)))
    guard let wanted = target(id) else { throw SFTPPacketError("it answered a request that was not sent") }
    guard count > 0, count <= wanted.byteCount, length == Self.dataHead - 4 + count else {
      throw SFTPPacketError("it sent \(count) bytes instead of the \(wanted.byteCount) that were requested")
    }
    filled = filled.lowerBound + Self.dataHead..<filled.upperBound
    let here = min(count, filled.count)
    wanted.memory.overwrite { memory in
      let place = UnsafeMutableRawBufferPointer(rebasing: memory[wanted.offset..<wanted.offset + here])
      place.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[filled.lowerBound..<filled.lowerBound + here]))
      return wanted.totalByteCount
    }
    filled = filled.lowerBound + here..<filled.upperBound
    let exact = Target(
      memory: wanted.memory, offset: wanted.offset, byteCount: count, totalByteCount: wanted.totalByteCount)
    current = (id, exact, here)
    return try next(target)
  }

  private func readOnce(from descriptor: FileDescriptor) -> Int {
    let room = buffer[filled.upperBound...]
    let start = buffer.baseAddress.map { $0 + room.startIndex }
    guard let current, current.received < current.target.byteCount else {
      let count = Glibc.read(descriptor.rawValue, start, room.count)
      if count > 0 { filled = filled.lowerBound..<filled.upperBound + count }
      return count
    }
    let wanted = current.target.byteCount - current.received
    var count = 0
    current.target.memory.overwrite { memory in
      var parts = [
        iovec(iov_base: memory.baseAddress.map { $0 + current.target.offset + current.received }, iov_len: wanted),
        iovec(iov_base: start, iov_len: room.count),
      ]
      count = Glibc.readv(descriptor.rawValue, &parts, Int32(parts.count))
      return current.target.totalByteCount
    }
    guard count > 0 else { return count }
    let direct = min(wanted, count)
    self.current?.received += direct
    filled = filled.lowerBound..<filled.upperBound + count - direct
    return count
  }

  private func moveToStart() {
    guard let start = buffer.baseAddress, !filled.isEmpty else { return }
    memmove(start, start + filled.lowerBound, filled.count)
    filled = 0..<filled.count
  }

  private func number(at offset: Int) -> UInt32 {
    let place = filled.lowerBound + offset
    return UInt32(bigEndian: UnsafeRawBufferPointer(buffer).loadUnaligned(fromByteOffset: place, as: UInt32.self))
  }
}
