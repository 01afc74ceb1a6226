internal import CFuse3
internal import Glibc
internal import SystemPackage

// Requests about an inode itself.

func fuseLookup(_ request: fuse_req_t?, parent: fuse_ino_t, name: UnsafePointer<CChar>?) {
  FuseServer.answer(request, .lookup) { server, request throws(Errno) in
    let name = try entryName(name)
    do throws(Errno) {
      return .entry(try server.fileSystem.lookup(name, in: parent, caller: caller(of: request)))
    } catch .noSuchFileOrDirectory {
      return .negativeEntry
    }
  }
}

func fuseForget(_ request: fuse_req_t?, inode: fuse_ino_t, count: UInt64) {
  FuseServer.answer(request, .forget) { server, _ throws(Errno) in
    server.fileSystem.forget(inode, count: count)
    return .none
  }
}

func fuseForgetMulti(_ request: fuse_req_t?, count: Int, forgets: UnsafeMutablePointer<fuse_forget_data>?) {
  FuseServer.answer(request, .forget) { server, _ throws(Errno) in
    for forget in UnsafeBufferPointer(start: forgets, count: forgets == nil ? 0 : max(0, count)) {
      server.fileSystem.forget(forget.ino, count: forget.nlookup)
    }
    return .none
  }
}

func fuseGetAttributes(_ request: fuse_req_t?, inode: fuse_ino_t, info: UnsafeMutablePointer<fuse_file_info>?) {
  FuseServer.answer(request, .getAttributes) { server, _ throws(Errno) in
    .attributes(try server.fileSystem.attributes(of: inode, handle: info?.pointee.fh))
  }
}

func fuseSetAttributes(
  _ request: fuse_req_t?, inode: fuse_ino_t, status: UnsafeMutablePointer<stat>?, fields: Int32,
  info: UnsafeMutablePointer<fuse_file_info>?
) {
  FuseServer.answer(request, .setAttributes) { server, request throws(Errno) in
    guard let status,
      let changes = FuseAttributeChanges(status.pointee, fields: fields, handle: info?.pointee.fh)
    else { throw .invalidArgument }
    let caller = caller(of: request)
    return .attributes(
      try server.fileSystem.setAttributes(
        of: inode, to: try server.dropPrivileges(of: inode, in: changes, caller: caller), caller: caller))
  }
}

func fuseReadLink(_ request: fuse_req_t?, inode: fuse_ino_t) {
  FuseServer.answer(request, .readLink) { server, _ throws(Errno) in
    .target(try server.fileSystem.readSymbolicLink(inode))
  }
}

func fuseStatistics(_ request: fuse_req_t?, inode: fuse_ino_t) {
  FuseServer.answer(request, .statistics) { server, _ throws(Errno) in
    .statistics(try server.fileSystem.statistics())
  }
}
