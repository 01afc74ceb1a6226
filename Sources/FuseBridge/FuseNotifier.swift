internal import CFuse3
internal import Glibc
public import SystemPackage

/// Tells the kernel what changed behind its back, so that it asks again.
///
/// Call from any thread that is not answering a request and holds no lock that a handler takes: the kernel may wait for
/// answers of ours first (dirty pages of the inode are written, a directory in use is waited for). An inode or name the
/// kernel does not know is fine. After the session ended, or once its exit is requested, nothing happens.
public struct FuseNotifier: Sendable {
  private let connection: FuseConnection

  init(_ connection: FuseConnection) {
    self.connection = connection
  }

  /// Drops the attributes of `inode`, and its cached content from `offset` on: `byteCount` bytes, 0 for all the rest.
  /// A directory's cached listing is content. Dirty pages in the range are written to the file system before this
  /// returns. A negative `offset` drops the attributes only.
  public func invalidateInode(_ inode: FuseInode, offset: Int64 = 0, byteCount: Int64 = 0) throws(Errno) {
    try notify { fuse_lowlevel_notify_inval_inode($0, inode, off_t(offset), off_t(byteCount)) }
  }

  /// Drops what the kernel knows of `name` in `parent`, existing or not.
  ///
  /// A name the kernel has never asked for does not touch the parent's cached listing: invalidate the parent's inode too
  /// when a name appeared.
  public func invalidateEntry(_ name: [UInt8], in parent: FuseInode) throws(Errno) {
    try notify { session in
      name.withCString { fuse_lowlevel_notify_inval_entry(session, parent, $0, name.count) }
    }
  }

  /// Asks the kernel to forget those of `inodes` that it does not use. Of those it does FORGET comes; the others it keeps, and so it keeps
  /// directories of which it knows an entry. Nobody who uses the mount sees a difference. False where the kernel does not know the request: Linux has
  /// it since 6.18.
  ///
  /// libfuse 3.14 has no function for it. Source: Linux include/uapi/linux/fuse.h, FUSE_NOTIFY_PRUNE.
  public func prune(_ inodes: [FuseInode]) throws(Errno) -> Bool {
    var rest = inodes[...]
    while !rest.isEmpty {
      let message = Self.pruneMessage(rest.prefix(Self.prunedAtOnce))
      rest = rest.dropFirst(Self.prunedAtOnce)
      let sent = connection.use { session in
        message.withUnsafeBytes { write(fuse_session_fd(session), $0.baseAddress, $0.count) < 0 ? errno : 0 }
      }
      switch sent ?? 0 {
      case 0: continue
      case EINVAL: return false
      case ENOENT, ENOTCONN, ENODEV: return true
      case let error: throw Errno(rawValue: error)
      }
    }
    return true
  }

  /// So many inodes are named in one message.
  private static let prunedAtOnce = 1024

  /// `fuse_out_header` (32 bits each: length, code; 64 bits: 0), `fuse_notify_prune_out` (32 bits: count, 0; 64 bits: 0), and the inodes.
  static func pruneMessage(_ inodes: some Collection<FuseInode>) -> [UInt64] {
    let byteCount = 32 + 8 * inodes.count
    let code: UInt64 = 9
    return [UInt64(byteCount) | code << 32, 0, UInt64(inodes.count), 0] + inodes
  }

  private func notify(_ body: (OpaquePointer) -> Int32) throws(Errno) {
    switch connection.use(body) ?? 0 {
    // ENOSYS: the kernel has not even said hello (FUSE_INIT), so it knows nothing. ENOTCONN, ENODEV: it is gone.
    case 0, -ENOENT, -ENOSYS, -ENOTCONN, -ENODEV: return
    case let error: throw Errno(rawValue: -error)
    }
  }
}
