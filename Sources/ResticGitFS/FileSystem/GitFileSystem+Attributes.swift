import FuseBridge
import ResticCore
import SystemPackage

extension GitFileSystem {
  func attributes(of inode: FuseInode, handle: FuseHandle?) throws(Errno) -> FuseAttributes {
    let attributes = try tree.read("getattr") { [self] namespace throws(NamespaceError) in
      try namespace.attributes(of: stored(inode), mounter: mounter)
    }
    let told = FuseAttributes(attributes)
    return shownText(of: inode).map { shown(told, text: $0) } ?? told
  }

  func setAttributes(
    of inode: FuseInode, to changes: FuseAttributeChanges, caller: FuseCaller
  ) throws(Errno) -> FuseAttributes {
    try requireStored(inode)
    let current = try attributes(of: inode, handle: changes.handle)
    guard changes != FuseAttributeChanges() else { return current }
    var owner: NamedOwner?
    if changes.userID != nil || changes.groupID != nil {
      owner = ownerNames.named(
        FileOwner(userID: changes.userID ?? current.userID, groupID: changes.groupID ?? current.groupID))
    }
    let now = Timestamp.now()
    let change = TreeChange.setAttributes(AttributeChanges(changes, owner: owner, now: now), of: inode)
    return FuseAttributes(
      try tree.perform(change, at: now) { [mounter] namespace, _ throws(NamespaceError) in
        try namespace.attributes(of: inode, mounter: mounter)
      })
  }

  func statistics() throws(Errno) -> FuseStatistics {
    let capacity = try storage.capacity()
    let blockByteCount: UInt64 = 4096
    return FuseStatistics(
      blockByteCount: blockByteCount, blockCount: capacity.totalByteCount / blockByteCount,
      availableBlockCount: capacity.availableByteCount / blockByteCount, inodeCount: 1 << 32,
      availableInodeCount: (1 << 32) - UInt64(tree.read { $0.inodes.count }),
      maximumNameByteCount: UInt64(Namespace.maximumNameByteCount))
  }
}
