internal import CFuse3
internal import Glibc
internal import Synchronization
internal import SystemPackage

// Requests about open files.

/// The flags of open(2), changed to what a file system under a writeback cache needs.
///
/// The kernel's cache reads a page before it changes part of the page, so a file that is opened for writing must be
/// readable; and the kernel computes the position of appended bytes itself.
func flagsUnderWritebackCache(_ flags: Int32) -> Int32 {
  var flags = flags & ~O_APPEND
  if flags & O_ACCMODE == O_WRONLY { flags = flags & ~O_ACCMODE | O_RDWR }
  return flags
}

func fuseCreate(
  _ request: fuse_req_t?, parent: fuse_ino_t, name: UnsafePointer<CChar>?, mode: mode_t,
  info: UnsafeMutablePointer<fuse_file_info>?
) {
  FuseServer.answer(request, .create) { server, request throws(Errno) in
    let (entry, file) = try server.fileSystem.create(
      try entryName(name), in: parent, mode: mode, flags: flagsUnderWritebackCache(info?.pointee.flags ?? O_RDWR),
      caller: caller(of: request))
    return .created(entry, file)
  }
}

func fuseOpen(_ request: fuse_req_t?, inode: fuse_ino_t, info: UnsafeMutablePointer<fuse_file_info>?) {
  FuseServer.answer(request, .open) { server, _ throws(Errno) in
    if server.opensFilesSilently.load(ordering: .relaxed) { return .neverAgain }
    return .opened(
      inode, try server.fileSystem.open(inode, flags: flagsUnderWritebackCache(info?.pointee.flags ?? O_RDONLY)))
  }
}

func fuseRead(
  _ request: fuse_req_t?, inode: fuse_ino_t, byteCount: Int, offset: off_t,
  info: UnsafeMutablePointer<fuse_file_info>?
) {
  FuseServer.answer(request, .read) { server, _ throws(Errno) in
    guard byteCount >= 0 else { throw .invalidArgument }
    let bytes = try server.fileSystem.read(
      inode, handle: try handle(of: info), offset: try position(offset), byteCount: byteCount)
    precondition(bytes.count <= byteCount, "the file system read more than it was asked for")
    return .bytes(bytes)
  }
}

func fuseWrite(
  _ request: fuse_req_t?, inode: fuse_ino_t, buffer: UnsafePointer<CChar>?, byteCount: Int, offset: off_t,
  info: UnsafeMutablePointer<fuse_file_info>?
) {
  FuseServer.answer(request, .write) { server, request throws(Errno) in
    guard byteCount >= 0, buffer != nil || byteCount == 0 else { throw .invalidArgument }
    let offset = try position(offset)
    guard offset <= UInt64(Int64.max) - UInt64(byteCount) else { throw .fileTooLarge }
    let handle = try handle(of: info)
    try server.dropPrivileges(
      ofWritten: inode, handle: handle, isWriteback: info?.pointee.writepage == 1, caller: caller(of: request))
    try server.fileSystem.write(
      inode, handle: handle, offset: offset,
      FuseWrittenBytes(ofRequest: UnsafeRawBufferPointer(start: buffer, count: byteCount)))
    return .written(byteCount)
  }
}

func fuseSynchronize(
  _ request: fuse_req_t?, inode: fuse_ino_t, dataOnly: Int32, info: UnsafeMutablePointer<fuse_file_info>?
) {
  FuseServer.answer(request, .synchronize) { server, _ throws(Errno) in
    try server.fileSystem.synchronize(inode, handle: try handle(of: info), dataOnly: dataOnly != 0)
    return .success
  }
}

func fuseAllocate(
  _ request: fuse_req_t?, inode: fuse_ino_t, mode: Int32, offset: off_t, length: off_t,
  info: UnsafeMutablePointer<fuse_file_info>?
) {
  FuseServer.answer(request, .allocate) { server, _ throws(Errno) in
    guard length > 0 else { throw .invalidArgument }
    let offset = try position(offset)
    guard offset <= UInt64(Int64.max) - UInt64(length) else { throw .fileTooLarge }
    try server.fileSystem.allocate(
      inode, handle: try handle(of: info), mode: mode, offset: offset, byteCount: UInt64(length))
    return .success
  }
}

func fuseRelease(_ request: fuse_req_t?, inode: fuse_ino_t, info: UnsafeMutablePointer<fuse_file_info>?) {
  FuseServer.answer(request, .release) { server, _ throws(Errno) in
    server.fileSystem.release(inode, handle: try handle(of: info))
    return .success
  }
}
