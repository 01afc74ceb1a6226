import FuseBridge
import ResticCore
import SystemPackage

extension GitFileSystem {
  func attributes(of inode: FuseInode, handle: FuseHandle?) throws(Errno) -> FuseAttributes {
    let attributes = try tree.read("getattr") { [self] namespace throws(NamespaceError) in
      try namespace.attributes(of: stored(inode), mounter: mounter)
    }
    return shownText(of: inode).map { shown(attributes, text: $0) } ?? attributes
  }

  func setAttributes(
    of inode: FuseInode, to changes: FuseAttributeChanges, caller: FuseCaller
  ) throws(Errno) -> FuseAttributes {
    try requireStored(inode)
    let current = try attributes(of: inode, handle: changes.handle)
    let names = (
      user: ownerNames.user(changes.userID ?? current.userID),
      group: ownerNames.group(changes.groupID ?? current.groupID)
    )
    return try tree.change("setattr") { [mounter] namespace throws(NamespaceError) in
      try namespace.setAttributes(of: inode, to: changes, mounter: mounter, ownerNames: names, at: .now())
      return try namespace.attributes(of: inode, mounter: mounter)
    }
  }

  func statistics() throws(Errno) -> FuseStatistics {
    let capacity = try storage.capacity(tree)
    let blockByteCount: UInt64 = 4096
    return FuseStatistics(
      blockByteCount: blockByteCount, blockCount: capacity.totalByteCount / blockByteCount,
      availableBlockCount: capacity.availableByteCount / blockByteCount, inodeCount: 1 << 32,
      availableInodeCount: (1 << 32) - UInt64(tree.inspect { $0.inodes.count }),
      maximumNameByteCount: UInt64(Namespace.maximumNameByteCount))
  }
}
