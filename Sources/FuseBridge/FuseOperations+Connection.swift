internal import CFuse3

// FUSE_INIT: what kernel and file system agree on for the life of a mount.

/// Chooses the connection's capabilities; libfuse has filled in what the kernel offers.
func fuseInitialize(_ data: UnsafeMutableRawPointer?, connection: UnsafeMutablePointer<fuse_conn_info>?) {
  guard let connection, let data else { return }
  var wanted =
    FUSE_CAP_ASYNC_READ  // several reads of one file at once
    | FUSE_CAP_ASYNC_DIO  // the same for O_DIRECT
    | FUSE_CAP_WRITEBACK_CACHE  // small writes are gathered: a push is hundreds of WRITEs instead of ten thousands
    | FUSE_CAP_READDIRPLUS  // and not …_AUTO: the attributes are at hand, so one request instead of one a file
    | FUSE_CAP_PARALLEL_DIROPS  // lookups in one directory at once
    | FUSE_CAP_CACHE_SYMLINKS  // an inode's target never changes
  Unmanaged<FuseServer>.fromOpaque(data)._withUnsafeGuaranteedRef { server in
    // A read-only mount writes nothing, and with that cache the kernel forgets a file's block count at each close.
    if server.isReadOnly { wanted &= ~FUSE_CAP_WRITEBACK_CACHE }
    server.chooseSilentOpening(capable: connection.pointee.capable)
  }
  // Everything else stays off, above all:
  // - HANDLE_KILLPRIV: the second version of it is on; see FusePrivileges.swift.
  // - ATOMIC_O_TRUNC: off, so that O_TRUNC comes as a SETATTR of size 0, like every other change of size.
  // - AUTO_INVAL_DATA: files change only through the kernel, or with a notice by FuseNotifier.
  // - SPLICE_*: costs a fifth of the throughput with data in memory.
  // - EXPORT_SUPPORT: would send lookups of "." and "..".
  // - POSIX_ACL: ACLs are not kept.
  connection.pointee.want = connection.pointee.capable & (UInt32(wanted) | fuse_capability_handle_killpriv_v2())

  connection.pointee.max_write = UInt32(FuseRequestMemory.maximumWriteByteCount)
  // The kernel takes the smaller one of this and its own limit (128 KiB, /sys/class/bdi/…/read_ahead_kb).
  connection.pointee.max_readahead = .max
  // Requests of read-ahead and writeback under way at once; the kernel's default of 12 starves a slow backend.
  connection.pointee.max_background = 16
  connection.pointee.congestion_threshold = 12
}
