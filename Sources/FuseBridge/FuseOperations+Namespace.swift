internal import CFuse3
internal import Glibc
internal import SystemPackage

// Requests that make, move and remove names.

func fuseMakeNode(
  _ request: fuse_req_t?, parent: fuse_ino_t, name: UnsafePointer<CChar>?, mode: mode_t, device: dev_t
) {
  FuseServer.answer(request, .makeNode) { server, request throws(Errno) in
    .entry(
      try server.fileSystem.makeNode(
        try entryName(name), in: parent, mode: mode, device: UInt64(device), caller: caller(of: request)))
  }
}

func fuseMakeDirectory(_ request: fuse_req_t?, parent: fuse_ino_t, name: UnsafePointer<CChar>?, mode: mode_t) {
  FuseServer.answer(request, .makeDirectory) { server, request throws(Errno) in
    .entry(
      try server.fileSystem.makeDirectory(try entryName(name), in: parent, mode: mode, caller: caller(of: request)))
  }
}

func fuseMakeSymbolicLink(
  _ request: fuse_req_t?, target: UnsafePointer<CChar>?, parent: fuse_ino_t, name: UnsafePointer<CChar>?
) {
  FuseServer.answer(request, .makeSymbolicLink) { server, request throws(Errno) in
    .entry(
      try server.fileSystem.makeSymbolicLink(
        try entryName(name), in: parent, target: try bytes(of: target), caller: caller(of: request)))
  }
}

func fuseLink(_ request: fuse_req_t?, inode: fuse_ino_t, newParent: fuse_ino_t, newName: UnsafePointer<CChar>?) {
  FuseServer.answer(request, .link) { server, _ throws(Errno) in
    .entry(try server.fileSystem.link(inode, as: try entryName(newName), in: newParent))
  }
}

func fuseUnlink(_ request: fuse_req_t?, parent: fuse_ino_t, name: UnsafePointer<CChar>?) {
  FuseServer.answer(request, .unlink) { server, _ throws(Errno) in
    try server.fileSystem.unlink(try entryName(name), in: parent)
    return .success
  }
}

func fuseRemoveDirectory(_ request: fuse_req_t?, parent: fuse_ino_t, name: UnsafePointer<CChar>?) {
  FuseServer.answer(request, .removeDirectory) { server, _ throws(Errno) in
    try server.fileSystem.removeDirectory(try entryName(name), in: parent)
    return .success
  }
}

func fuseRename(
  _ request: fuse_req_t?, parent: fuse_ino_t, name: UnsafePointer<CChar>?, newParent: fuse_ino_t,
  newName: UnsafePointer<CChar>?, flags: UInt32
) {
  FuseServer.answer(request, .rename) { server, _ throws(Errno) in
    // renameat2(2): RENAME_NOREPLACE and RENAME_EXCHANGE exclude each other; RENAME_WHITEOUT is for overlays.
    let mode: FuseRenameMode
    switch flags {
    case 0: mode = .replace
    case 1: mode = .refuse
    case 2: mode = .exchange
    default: throw .invalidArgument
    }
    try server.fileSystem.rename(
      try entryName(name), in: parent, to: try entryName(newName), in: newParent, mode: mode)
    return .success
  }
}
