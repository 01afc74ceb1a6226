/// Extensions of the protocol that a server may support, by their announced names.
/// Source: OpenSSH, PROTOCOL.
enum SFTPExtension: String, CaseIterable, Sendable {
  /// Makes a file durable.
  case synchronize = "fsync@openssh.com"
  /// Reports the free space of a file system.
  case fileSystem = "statvfs@openssh.com"
  /// Reports the size limits of packets.
  case limits = "limits@openssh.com"
}

/// The server's first packet.
struct SFTPGreeting: Hashable, Sendable {
  /// The server's version of the protocol.
  let version: UInt32
  /// The server's extensions that are used here.
  let extensions: Set<SFTPExtension>

  private static let type: UInt8 = 2

  /// The greeting that `packet` (without its length) holds.
  init(_ packet: UnsafeRawBufferPointer) throws(SFTPPacketError) {
    var reader = SFTPPacketReader(packet)
    guard try reader.byte() == Self.type else { throw SFTPPacketError("a greeting has another type") }
    version = try reader.number()
    var extensions: Set<SFTPExtension> = []
    while !reader.isAtEnd {
      let name = try reader.text()
      // The extension's data: a version.
      _ = try reader.text()
      if let known = SFTPExtension.allCases.first(where: { $0.rawValue.utf8.elementsEqual(name) }) {
        extensions.insert(known)
      }
    }
    self.extensions = extensions
  }
}

/// The server's size limits; the answer to `SFTPRequest.limits`. 0: not stated.
struct SFTPLimits: Hashable, Sendable {
  let readByteCount: UInt64
  let writeByteCount: UInt64

  /// The limits in the answer `bytes`.
  init(_ bytes: [UInt8]) throws(SFTPPacketError) {
    (readByteCount, writeByteCount) = try bytes.span.bytes.withUnsafeBytes { (bytes) throws(SFTPPacketError) in
      var reader = SFTPPacketReader(bytes)
      // The largest packet.
      let _: UInt64 = try reader.number()
      return (try reader.number(), try reader.number())
    }
  }
}

/// The space of a file system; the answer to `SFTPRequest.fileSystem`.
struct SFTPFileSystem: Hashable, Sendable {
  let capacity: StorageCapacity
  /// Whether the file system is read-only.
  let isReadOnly: Bool
  /// Whether another file can be created.
  let hasFreeFiles: Bool

  private static let readOnlyFlag: UInt64 = 1

  /// The values in the answer `bytes`: f_bsize, f_frsize, f_blocks, f_bfree, f_bavail, f_files, f_ffree, f_favail,
  /// f_fsid, f_flag, f_namemax of statvfs(3).
  init(_ bytes: [UInt8]) throws(SFTPPacketError) {
    let numbers: [UInt64] = try bytes.span.bytes.withUnsafeBytes { (bytes) throws(SFTPPacketError) in
      var reader = SFTPPacketReader(bytes)
      var numbers: [UInt64] = []
      for _ in 0..<10 { numbers.append(try reader.number()) }
      return numbers
    }
    let total = numbers[2].multipliedReportingOverflow(by: numbers[1])
    let available = numbers[4].multipliedReportingOverflow(by: numbers[1])
    let totalByteCount = total.overflow ? UInt64.max : total.partialValue
    capacity = StorageCapacity(
      totalByteCount: totalByteCount,
      availableByteCount: min(totalByteCount, available.overflow ? UInt64.max : available.partialValue))
    isReadOnly = numbers[9] & Self.readOnlyFlag != 0
    // A file system that does not count files has room for them.
    hasFreeFiles = numbers[5] == 0 || numbers[7] > 0
  }
}
