internal import CFuse3

/// The table of callbacks that libfuse calls: one for each kind of request.
///
/// Each callback is a file-scope function in `FuseOperations+Topic.swift` (a closure would carry an isolation that traps
/// on a foreign thread). Each is three steps: decode the C arguments, call the file system, return a `FuseReply`;
/// `FuseServer.answer` runs it and `FuseReply.deliver` replies. Callbacks run on `FuseLoop`'s threads, many at once.
///
/// Left out on purpose:
/// - getlk, setlk, flock: the kernel keeps advisory locks itself, which is right because only this mount sees the
///   files.
/// - flush: the file system already has all written bytes when a file is closed. libfuse answers ENOSYS once, and every
///   later close saves a round trip.
/// - lseek, copy_file_range: libfuse answers ENOSYS once; the kernel then reports no holes and copies by read and
///   write.
/// - access: the kernel checks permissions itself (`default_permissions`).
/// - write_buf: without splice it adds only overhead; `write` gets the bytes where libfuse received them.
/// - destroy: not sent after a plain unmount, so `FuseSession.run` does that work.
enum FuseOperations {
  /// All callbacks. libfuse copies the table.
  static var table: fuse_lowlevel_ops {
    var table = fuse_lowlevel_ops()
    table.`init` = fuseInitialize

    table.lookup = fuseLookup
    table.forget = fuseForget
    table.forget_multi = fuseForgetMulti
    table.getattr = fuseGetAttributes
    table.setattr = fuseSetAttributes
    table.readlink = fuseReadLink
    table.statfs = fuseStatistics

    table.mknod = fuseMakeNode
    table.mkdir = fuseMakeDirectory
    table.symlink = fuseMakeSymbolicLink
    table.link = fuseLink
    table.unlink = fuseUnlink
    table.rmdir = fuseRemoveDirectory
    table.rename = fuseRename

    table.create = fuseCreate
    table.open = fuseOpen
    table.read = fuseRead
    table.write = fuseWrite
    table.fsync = fuseSynchronize
    table.fallocate = fuseAllocate
    table.release = fuseRelease

    table.opendir = fuseOpenDirectory
    table.readdir = fuseReadDirectory
    table.readdirplus = fuseReadDirectoryPlus
    table.fsyncdir = fuseSynchronizeDirectory
    table.releasedir = fuseReleaseDirectory

    table.setxattr = fuseSetExtendedAttribute
    table.getxattr = fuseGetExtendedAttribute
    table.listxattr = fuseListExtendedAttributes
    table.removexattr = fuseRemoveExtendedAttribute
    return table
  }
}
