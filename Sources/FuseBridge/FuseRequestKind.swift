/// The kinds of request that are counted. READDIR and READDIRPLUS are one kind, and so are FORGET and BATCH_FORGET.
public enum FuseRequestKind: Int, CaseIterable, Sendable {
  case lookup
  case forget
  case getAttributes
  case setAttributes
  case readLink
  case statistics
  case makeNode
  case makeDirectory
  case makeSymbolicLink
  case link
  case unlink
  case removeDirectory
  case rename
  case create
  case open
  case read
  case write
  case synchronize
  case allocate
  case release
  case openDirectory
  case readDirectory
  case synchronizeDirectory
  case releaseDirectory
  case setExtendedAttribute
  case getExtendedAttribute
  case listExtendedAttributes
  case removeExtendedAttribute

  /// The kernel's name of the request, in lower case. Source: Linux, include/uapi/linux/fuse.h, `enum fuse_opcode`.
  public var name: String {
    switch self {
    case .lookup: "lookup"
    case .forget: "forget"
    case .getAttributes: "getattr"
    case .setAttributes: "setattr"
    case .readLink: "readlink"
    case .statistics: "statfs"
    case .makeNode: "mknod"
    case .makeDirectory: "mkdir"
    case .makeSymbolicLink: "symlink"
    case .link: "link"
    case .unlink: "unlink"
    case .removeDirectory: "rmdir"
    case .rename: "rename"
    case .create: "create"
    case .open: "open"
    case .read: "read"
    case .write: "write"
    case .synchronize: "fsync"
    case .allocate: "fallocate"
    case .release: "release"
    case .openDirectory: "opendir"
    case .readDirectory: "readdir"
    case .synchronizeDirectory: "fsyncdir"
    case .releaseDirectory: "releasedir"
    case .setExtendedAttribute: "setxattr"
    case .getExtendedAttribute: "getxattr"
    case .listExtendedAttributes: "listxattr"
    case .removeExtendedAttribute: "removexattr"
    }
  }
}
