internal import CFuse3
internal import Glibc
internal import SystemPackage

// Requests about extended attributes.

/// The largest value and the largest list of names, in bytes. Source: Linux include/uapi/linux/limits.h.
let extendedAttributeByteLimit = 65_536

func fuseSetExtendedAttribute(
  _ request: fuse_req_t?, inode: fuse_ino_t, name: UnsafePointer<CChar>?, value: UnsafePointer<CChar>?, byteCount: Int,
  flags: Int32
) {
  FuseServer.answer(request, .setExtendedAttribute) { server, _ throws(Errno) in
    guard byteCount >= 0, value != nil || byteCount == 0 else { throw .invalidArgument }
    guard byteCount <= extendedAttributeByteLimit else { throw .argListTooLong }
    // setxattr(2) knows XATTR_CREATE and XATTR_REPLACE.
    guard flags & ~3 == 0 else { throw .invalidArgument }
    try server.fileSystem.setExtendedAttribute(
      try bytes(of: name), of: inode, to: [UInt8](UnsafeRawBufferPointer(start: value, count: byteCount)), flags: flags)
    return .success
  }
}

func fuseGetExtendedAttribute(
  _ request: fuse_req_t?, inode: fuse_ino_t, name: UnsafePointer<CChar>?, byteCount: Int
) {
  FuseServer.answer(request, .getExtendedAttribute) { server, _ throws(Errno) in
    let name = try bytes(of: name)
    do throws(Errno) {
      return try FuseReply.attribute(try server.fileSystem.extendedAttribute(name, of: inode), limit: byteCount)
    } catch .noFunction {
      // With ENOSYS, the kernel would stop asking for any attribute of any file.
      throw .noData
    }
  }
}

func fuseListExtendedAttributes(_ request: fuse_req_t?, inode: fuse_ino_t, byteCount: Int) {
  FuseServer.answer(request, .listExtendedAttributes) { server, _ throws(Errno) in
    var list: [UInt8] = []
    for name in try server.fileSystem.extendedAttributeNames(of: inode) {
      list += name
      list.append(0)
    }
    return try FuseReply.attribute(list, limit: byteCount)
  }
}

func fuseRemoveExtendedAttribute(_ request: fuse_req_t?, inode: fuse_ino_t, name: UnsafePointer<CChar>?) {
  FuseServer.answer(request, .removeExtendedAttribute) { server, _ throws(Errno) in
    try server.fileSystem.removeExtendedAttribute(try bytes(of: name), of: inode)
    return .success
  }
}

extension FuseReply {
  /// `bytes` for a buffer of `limit` bytes, or their number if `limit` is 0; ERANGE if the buffer is too small, E2BIG
  /// if no buffer of the kernel could hold them.
  static func attribute(_ bytes: [UInt8], limit: Int) throws(Errno) -> FuseReply {
    guard bytes.count <= extendedAttributeByteLimit else { throw .argListTooLong }
    if limit == 0 { return .neededByteCount(bytes.count) }
    guard bytes.count <= limit else { throw .outOfRange }
    return .bytes(bytes[...])
  }
}
