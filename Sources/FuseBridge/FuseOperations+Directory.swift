internal import CFuse3
internal import Glibc
internal import Synchronization
internal import SystemPackage

// Requests about open directories.

func fuseOpenDirectory(_ request: fuse_req_t?, inode: fuse_ino_t, info: UnsafeMutablePointer<fuse_file_info>?) {
  FuseServer.answer(request, .openDirectory) { server, _ throws(Errno) in
    if server.opensDirectoriesSilently.load(ordering: .relaxed) { return .neverAgain }
    return .openedDirectory(
      inode, try server.fileSystem.openDirectory(inode, flags: info?.pointee.flags ?? O_RDONLY))
  }
}

func fuseReadDirectory(
  _ request: fuse_req_t?, inode: fuse_ino_t, byteCount: Int, offset: off_t,
  info: UnsafeMutablePointer<fuse_file_info>?
) {
  FuseServer.answer(request, .readDirectory) { server, request throws(Errno) in
    try server.list(
      inode, handle: try handle(of: info), offset: offset, byteCount: byteCount, countLookups: false, for: request)
  }
}

func fuseReadDirectoryPlus(
  _ request: fuse_req_t?, inode: fuse_ino_t, byteCount: Int, offset: off_t,
  info: UnsafeMutablePointer<fuse_file_info>?
) {
  FuseServer.answer(request, .readDirectory) { server, request throws(Errno) in
    try server.list(
      inode, handle: try handle(of: info), offset: offset, byteCount: byteCount, countLookups: true, for: request)
  }
}

func fuseSynchronizeDirectory(
  _ request: fuse_req_t?, inode: fuse_ino_t, dataOnly: Int32, info: UnsafeMutablePointer<fuse_file_info>?
) {
  FuseServer.answer(request, .synchronizeDirectory) { server, _ throws(Errno) in
    try server.fileSystem.synchronizeDirectory(inode, handle: try handle(of: info), dataOnly: dataOnly != 0)
    return .success
  }
}

func fuseReleaseDirectory(_ request: fuse_req_t?, inode: fuse_ino_t, info: UnsafeMutablePointer<fuse_file_info>?) {
  FuseServer.answer(request, .releaseDirectory) { server, _ throws(Errno) in
    server.fileSystem.releaseDirectory(inode, handle: try handle(of: info))
    return .success
  }
}

extension FuseServer {
  /// Entries of a directory from `offset` on, as many as fit into `byteCount` bytes.
  ///
  /// An error after some entries were taken is dropped, as in getdents(2): the next call meets it again. So no lookup
  /// that was taken is lost.
  fileprivate func list(
    _ inode: FuseInode, handle: FuseHandle, offset: off_t, byteCount: Int, countLookups: Bool, for request: fuse_req_t
  ) throws(Errno) -> FuseReply {
    guard byteCount > 0 else { throw .invalidArgument }
    var listing = FuseListing(
      limit: min(byteCount, 1 << 20), carriesLookups: countLookups, timeouts: timeouts)
    do throws(Errno) {
      // The kernel does not interpret offsets: the file system may use all 64 bits.
      try fileSystem.readDirectory(
        inode, handle: handle, offset: UInt64(bitPattern: Int64(offset)), countLookups: countLookups
      ) { entry in
        listing.append(entry, of: request)
      }
    } catch {
      guard !listing.isEmpty else { throw error }
    }
    return .listing(listing)
  }
}
