import Glibc
import ResticCore

/// Converts between Unix modes (`S_IF…` and permission bits) and the modes that restic stores (Go's `os.FileMode`).
///
/// Source: Go's package `os`, constants of `FileMode`; checked by `FileModeTests`.
enum FileMode {
  /// The permission bits, and set-user-id, set-group-id and sticky.
  static let permissionMask: UInt32 = 0o7777

  private static let goSetUserID: UInt32 = 1 << 23
  private static let goSetGroupID: UInt32 = 1 << 22
  private static let goSticky: UInt32 = 1 << 20

  /// The Unix mode of a stored node: its type from `type`, the rest from the mode's bits.
  static func unix(_ node: Node) -> UInt32 {
    var mode = node.mode & 0o777
    if node.mode & goSetUserID != 0 { mode |= S_ISUID }
    if node.mode & goSetGroupID != 0 { mode |= S_ISGID }
    if node.mode & goSticky != 0 { mode |= UInt32(S_ISVTX) }
    return mode | format(of: node.type)
  }

  /// The stored mode of a node of `type` with these permission bits.
  static func stored(_ permissions: UInt32, _ type: NodeType) -> UInt32 {
    stored(permissions & permissionMask | format(of: type))
  }

  /// The stored mode for a Unix mode, type bits included.
  static func stored(_ mode: UInt32) -> UInt32 {
    var stored = mode & 0o777
    if mode & S_ISUID != 0 { stored |= goSetUserID }
    if mode & S_ISGID != 0 { stored |= goSetGroupID }
    if mode & UInt32(S_ISVTX) != 0 { stored |= goSticky }
    switch mode & S_IFMT {
    case S_IFDIR: stored |= 1 << 31
    case S_IFLNK: stored |= 1 << 27
    case S_IFBLK: stored |= 1 << 26
    case S_IFCHR: stored |= 1 << 26 | 1 << 21
    case S_IFIFO: stored |= 1 << 25
    case S_IFSOCK: stored |= 1 << 24
    default: break
    }
    return stored
  }

  /// The node type of a Unix mode; nil if there is none for it.
  static func type(_ mode: UInt32) -> NodeType? {
    switch mode & S_IFMT {
    case S_IFREG, 0: .file
    case S_IFDIR: .dir
    case S_IFLNK: .symlink
    case S_IFBLK: .dev
    case S_IFCHR: .chardev
    case S_IFIFO: .fifo
    case S_IFSOCK: .socket
    default: nil
    }
  }

  /// The type bits. A file that restic itself could not classify ("irregular") is shown as a regular file that cannot
  /// be opened.
  private static func format(of type: NodeType) -> UInt32 {
    switch type {
    case .dir: S_IFDIR
    case .symlink: S_IFLNK
    case .dev: S_IFBLK
    case .chardev: S_IFCHR
    case .fifo: S_IFIFO
    case .socket: S_IFSOCK
    case .file, .other: S_IFREG
    }
  }
}
