import SystemPackage

/// One line of the kernel's mount table, with the fields that this program uses.
///
/// Source: proc_pid_mountinfo(5). Fields are separated by one space; bytes that would interfere with that (space, tab,
/// newline, backslash) are written as a backslash and three octal digits.
struct MountTableEntry: Hashable, Sendable {
  /// The kernel's number of this mount; differs from that of an earlier mount at the same place while both exist.
  let mountID: Int
  /// The file system's device, `MAJOR:MINOR`: the same for every mount of one file system, in every mount namespace.
  let device: String
  /// Where it is mounted.
  let mountpoint: FilePath
  /// `ext4`, `fuse.restic-gitfs`.
  let fileSystemType: String
  /// The source, as the file system names it.
  let source: String
  /// The user who made a FUSE mount (`user_id=`); nil for other file systems.
  let ownerID: UInt32?

  /// Whether this program serves the mount.
  var isResticGitFS: Bool { fileSystemType == MountTable.fileSystemType }

  /// The entry in `line`, which has no newline; nil if it is not an entry.
  init?(line: some Sequence<UInt8>) {
    let fields = Array(line).split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    guard let dash = fields.dropFirst(6).firstIndex(of: [UInt8(ascii: "-")]), fields.count >= dash + 4,
      let mountID = Int(String(decoding: fields[0], as: UTF8.self))
    else { return nil }
    self.mountID = mountID
    device = String(decoding: fields[2], as: UTF8.self)
    mountpoint = Self.path(Self.unescaped(fields[4]))
    fileSystemType = String(decoding: Self.unescaped(fields[dash + 1]), as: UTF8.self)
    source = String(decoding: Self.unescaped(fields[dash + 2]), as: UTF8.self)
    ownerID =
      String(decoding: fields[dash + 3], as: UTF8.self).split(separator: ",").lazy
      .compactMap { $0.hasPrefix("user_id=") ? UInt32($0.dropFirst("user_id=".count)) : nil }.first
  }

  /// `field` with its octal escapes resolved; a backslash that begins no escape stays.
  static func unescaped(_ field: ArraySlice<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(field.count)
    var rest = field
    while let byte = rest.popFirst() {
      let digits = rest.prefix(3)
      guard byte == UInt8(ascii: "\\"), digits.count == 3,
        digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "7")).contains($0) })
      else {
        result.append(byte)
        continue
      }
      let value = digits.reduce(0) { $0 << 3 | Int($1 - UInt8(ascii: "0")) }
      guard let escaped = UInt8(exactly: value) else {
        result.append(byte)
        continue
      }
      result.append(escaped)
      rest = rest.dropFirst(3)
    }
    return result
  }

  /// The path in `bytes`, which contain no NUL because the table is text.
  private static func path(_ bytes: [UInt8]) -> FilePath {
    FilePath(platformString: bytes.prefix { $0 != 0 }.map { CChar(bitPattern: $0) } + [0])
  }
}
