/// A request to an SFTP server, version 3 of the protocol.
///
///     length of the rest (4) ‖ type (1) ‖ id (4) ‖ content by type
///
/// Numbers are big-endian; a text is its length (4) and its bytes.
/// Source: draft-ietf-secsh-filexfer-02; for the extensions OpenSSH, PROTOCOL.
enum SFTPRequest: Hashable, Sendable {
  /// How a file is opened.
  enum Access: UInt32, Sendable {
    /// Reading (SSH_FXF_READ).
    case read = 0x01
    /// Writing a file that does not exist yet (SSH_FXF_WRITE, _CREAT, _EXCL).
    case create = 0x2A
  }

  /// Answered with a handle. `mode`: the permission bits of a new file, which the server's umask reduces.
  case open(String, Access, mode: UInt32?)
  case close(SFTPHandle)
  /// Answered with data, or the status `endOfFile`.
  case read(SFTPHandle, offset: UInt64, byteCount: UInt32)
  /// The bytes follow the packet, whose length includes them.
  case write(SFTPHandle, offset: UInt64, byteCount: UInt32)
  /// Attributes of the object at a path; of the link itself if it is one.
  case linkStatus(String)
  /// Attributes of the object at a path; links are followed.
  case status(String)
  /// Attributes of an open file.
  case handleStatus(SFTPHandle)
  case setMode(SFTPHandle, UInt32)
  case setModeOf(String, UInt32)
  /// Answered with a handle.
  case openFolder(String)
  /// Answered with some names, or the status `endOfFile`.
  case readFolder(SFTPHandle)
  case remove(String)
  case makeFolder(String, mode: UInt32)
  /// OpenSSH's server does not replace an existing file, others may.
  case rename(String, to: String)
  /// `fsync@openssh.com`.
  case synchronize(SFTPHandle)
  /// `statvfs@openssh.com`: answered with `SFTPFileSystem`.
  case fileSystem(String)
  /// `limits@openssh.com`: answered with `SFTPLimits`.
  case limits

  /// The first packet of a connection, which has no id: SSH_FXP_INIT, version 3.
  static let greeting: [UInt8] = [0, 0, 0, 5, 1, 0, 0, 0, 3]

  /// Adds the packet with the number `id` to `packets`.
  func encode(id: UInt32, to packets: inout [UInt8]) {
    let start = packets.count
    packets += [0, 0, 0, 0, type]
    packets.append(number: id)
    encodeBody(to: &packets)
    var following = 0
    if case .write(_, _, let byteCount) = self { following = Int(byteCount) }
    packets.replace(numberAt: start, with: UInt32(packets.count - start - 4 + following))
  }

  private var type: UInt8 {
    switch self {
    case .open: 3
    case .close: 4
    case .read: 5
    case .write: 6
    case .linkStatus: 7
    case .handleStatus: 8
    case .setModeOf: 9
    case .setMode: 10
    case .openFolder: 11
    case .readFolder: 12
    case .remove: 13
    case .makeFolder: 14
    case .status: 17
    case .rename: 18
    case .synchronize, .fileSystem, .limits: 200
    }
  }

  private func encodeBody(to packet: inout [UInt8]) {
    switch self {
    case .open(let path, let access, let mode):
      packet.append(text: path.utf8)
      packet.append(number: access.rawValue)
      packet.append(mode: mode)
    case .close(let handle), .handleStatus(let handle), .readFolder(let handle):
      packet.append(text: handle.bytes)
    case .read(let handle, let offset, let byteCount), .write(let handle, let offset, let byteCount):
      packet.append(text: handle.bytes)
      packet.append(number: offset)
      packet.append(number: byteCount)
    case .linkStatus(let path), .status(let path), .openFolder(let path), .remove(let path):
      packet.append(text: path.utf8)
    case .setMode(let handle, let mode):
      packet.append(text: handle.bytes)
      packet.append(mode: mode)
    case .setModeOf(let path, let mode), .makeFolder(let path, let mode):
      packet.append(text: path.utf8)
      packet.append(mode: mode)
    case .rename(let path, let target):
      packet.append(text: path.utf8)
      packet.append(text: target.utf8)
    case .synchronize(let handle):
      packet.append(text: SFTPExtension.synchronize.rawValue.utf8)
      packet.append(text: handle.bytes)
    case .fileSystem(let path):
      packet.append(text: SFTPExtension.fileSystem.rawValue.utf8)
      packet.append(text: path.utf8)
    case .limits:
      packet.append(text: SFTPExtension.limits.rawValue.utf8)
    }
  }
}

/// A server's name for an open file or folder, valid on the same connection only.
struct SFTPHandle: Hashable, Sendable {
  let bytes: [UInt8]
}

extension [UInt8] {
  fileprivate mutating func append(number: some FixedWidthInteger & UnsignedInteger) {
    Swift.withUnsafeBytes(of: number.bigEndian) { append(contentsOf: $0) }
  }

  fileprivate mutating func replace(numberAt index: Int, with number: UInt32) {
    Swift.withUnsafeBytes(of: number.bigEndian) { replaceSubrange(index..<index + 4, with: $0) }
  }

  fileprivate mutating func append(text: some Collection<UInt8>) {
    append(number: UInt32(text.count))
    append(contentsOf: text)
  }

  /// Appends attributes with the permission bits only, or without any.
  fileprivate mutating func append(mode: UInt32?) {
    append(number: mode == nil ? UInt32(0) : SFTPAttributes.permissionsFlag)
    if let mode { append(number: mode) }
  }
}
