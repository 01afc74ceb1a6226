internal import CFuse3
internal import Glibc
public import SystemPackage

/// Tells the kernel about changes that were not made through the mount, so that the kernel asks again.
///
/// Call from any thread that is not answering a request and holds no lock that a handler takes: the kernel may first
/// wait for answers of this process (it writes dirty pages of the inode, and waits for a directory in use). An inode or
/// name that the kernel does not know is allowed. After the session has ended, or once its exit is requested, nothing
/// happens.
public struct FuseNotifier: Sendable {
  private let connection: FuseConnection

  init(_ connection: FuseConnection) {
    self.connection = connection
  }

  /// Drops the attributes of `inode`, and its cached content from `offset` on: `byteCount` bytes, 0 for everything
  /// after `offset`. A directory's cached listing is its content. Dirty pages in the range are written to the file
  /// system before this returns. A negative `offset` drops the attributes only.
  public func invalidateInode(_ inode: FuseInode, offset: Int64 = 0, byteCount: Int64 = 0) throws(Errno) {
    try notify { fuse_lowlevel_notify_inval_inode($0, inode, off_t(offset), off_t(byteCount)) }
  }

  /// Drops the kernel's cache of `name` in `parent`, whether the name exists or not.
  ///
  /// Dropping a name that the kernel has never looked up does not drop the parent's cached listing: if a name was
  /// added, also invalidate the parent's inode.
  public func invalidateEntry(_ name: [UInt8], in parent: FuseInode) throws(Errno) {
    try notify { session in
      name.withCString { fuse_lowlevel_notify_inval_entry(session, parent, $0, name.count) }
    }
  }

  /// Asks the kernel to forget those of `inodes` that it does not use. The kernel sends FORGET for these, and keeps the
  /// others; it also keeps a directory while it knows an entry of the directory. Programs that use the mount see no
  /// difference. Returns false if the kernel does not know this notification, which Linux has since 6.18.
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

  /// How many inodes one message names.
  private static let prunedAtOnce = 1024

  /// `fuse_out_header` (32 bits each: length, code; 64 bits: 0), `fuse_notify_prune_out` (32 bits: count, 0; 64 bits: 0), and the inodes.
  static func pruneMessage(_ inodes: some Collection<FuseInode>) -> [UInt64] {
    let byteCount = 32 + 8 * inodes.count
    let code: UInt64 = 9
    return [UInt64(byteCount) | code << 32, 0, UInt64(inodes.count), 0] + inodes
  }

  private func notify(_ body: (OpaquePointer) -> Int32) throws(Errno) {
    switch connection.use(body) ?? 0 {
    // ENOSYS: the kernel has not sent FUSE_INIT yet, so it knows no inodes. ENOTCONN, ENODEV: the connection has ended.
    case 0, -ENOENT, -ENOSYS, -ENOTCONN, -ENODEV: return
    case let error: throw Errno(rawValue: -error)
    }
  }
}
