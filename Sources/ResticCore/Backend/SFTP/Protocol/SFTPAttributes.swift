/// A file's attributes, as far as the server sends them.
struct SFTPAttributes: Hashable, Sendable {
  /// How many bytes it has.
  let byteCount: UInt64?
  /// Type and permission bits, as in st_mode of stat(2).
  let mode: UInt32?

  /// SSH_FILEXFER_ATTR_PERMISSIONS.
  static let permissionsFlag: UInt32 = 0x04
  private static let sizeFlag: UInt32 = 0x01
  private static let ownerFlag: UInt32 = 0x02
  private static let timesFlag: UInt32 = 0x08
  private static let extendedFlag: UInt32 = 0x8000_0000

  private static let typeBits: UInt32 = 0o170000
  private static let regularType: UInt32 = 0o100000
  private static let folderType: UInt32 = 0o040000
  private static let groupReadBit: UInt32 = 0o040

  init(byteCount: UInt64?, mode: UInt32?) {
    self.byteCount = byteCount
    self.mode = mode
  }

  init(from reader: inout SFTPPacketReader) throws(SFTPPacketError) {
    let flags: UInt32 = try reader.number()
    byteCount = flags & Self.sizeFlag != 0 ? try reader.number() : nil
    // Numbers of user and group, and the times of access and change.
    if flags & Self.ownerFlag != 0 { let _: UInt64 = try reader.number() }
    mode = flags & Self.permissionsFlag != 0 ? try reader.number() : nil
    if flags & Self.timesFlag != 0 { let _: UInt64 = try reader.number() }
    guard flags & Self.extendedFlag != 0 else { return }
    let count: UInt32 = try reader.number()
    for _ in 0..<count {
      _ = try reader.text()
      _ = try reader.text()
    }
  }

  /// The kind of object, with its article; nil for a plain file, and if the server does not say.
  var irregularKind: String? {
    guard let mode, mode & Self.typeBits != 0 else { return nil }
    return switch mode & Self.typeBits {
    case Self.regularType: nil
    case Self.folderType: "a folder"
    case 0o120000: "a symbolic link"
    case 0o010000: "a fifo"
    case 0o140000: "a socket"
    default: "a device"
    }
  }

  /// Whether it is a folder; nil if the server does not say.
  var isFolder: Bool? {
    guard let mode, mode & Self.typeBits != 0 else { return nil }
    return mode & Self.typeBits == Self.folderType
  }

  /// Whether the group may read it; false if the server does not say.
  var isGroupReadable: Bool { mode.map { $0 & Self.groupReadBit != 0 } ?? false }
}
