import Glibc
import ResticCore
import SystemPackage

extension Namespace {
  /// The attributes that stat(2) shows. `mounter` replaces owners that are not of this mount.
  func attributes(of number: InodeNumber, mounter: FileOwner) throws(NamespaceError) -> InodeAttributes {
    let inode = try inode(number)
    let node = inode.node
    var byteCount = node.size
    var allocated = byteCount
    switch inode.body {
    case .file(.stored): break
    case .file(.resolved(let extents)), .file(.changed(let extents)):
      byteCount = extents.byteCount
      allocated = extents.allocatedByteCount
    case .directory: (byteCount, allocated) = (4096, 4096)
    case .special:
      byteCount = node.type == .symlink ? UInt64(node.linkTarget.count) : 0
      allocated = 0
    }
    let owner =
      switch inode.owner {
      case .mounter: mounter
      case .node: FileOwner(userID: node.uid, groupID: node.gid)
      }
    return InodeAttributes(
      inodeNumber: numbers.number(of: number, node), mode: FileMode.unix(node),
      // As in btrfs: 1 means that a directory's count says nothing about its subdirectories.
      linkCount: inode.isDirectory ? min(inode.linkCount, 1) : inode.linkCount,
      owner: owner, device: node.device, byteCount: byteCount, allocatedByteCount: allocated,
      accessTime: node.atime, modificationTime: node.mtime, changeTime: node.ctime)
  }

  /// Refuses a time that cannot be stored with `EOVERFLOW`. Clamping would not work: with the writeback cache, the
  /// kernel continues to show the requested time.
  /// Source: Linux, fuse_do_setattr.
  mutating func applyAttributes(
    _ changes: AttributeChanges, to number: InodeNumber, at time: Timestamp
  ) throws(NamespaceError) {
    for time in [changes.accessTime, changes.modificationTime, changes.changeTime] where time?.isStorable == false {
      throw .refused(.overflow)
    }
    try requireKnownNames(number)
    if let byteCount = changes.byteCount { try truncate(number, to: byteCount, at: time) }
    try update(number) { inode throws(NamespaceError) in
      if let mode = changes.mode {
        let kept = FileMode.unix(inode.node) & ~FileMode.permissionMask
        inode.node.mode = FileMode.stored(kept | (mode & FileMode.permissionMask))
      }
      if let owner = changes.owner {
        inode.owner = .node
        (inode.node.uid, inode.node.gid) = (owner.id.userID, owner.id.groupID)
        (inode.node.user, inode.node.group) = (owner.user, owner.group)
      }
      if let time = changes.accessTime { inode.node.atime = time }
      if let time = changes.modificationTime { inode.node.mtime = time }
      inode.node.ctime = changes.changeTime ?? time
    }
    markChanged(number)
  }

  /// Sets an extended attribute or, with nil, removes it.
  mutating func applyExtendedAttribute(
    _ name: Name, of number: InodeNumber, value: [UInt8]?, _ mode: TreeChange.ExtendedAttributeMode, at time: Timestamp
  ) throws(NamespaceError) {
    let index = try inode(number).node.extendedAttributes.firstIndex { $0.name == name }
    switch (mode, index) {
    case (.replace, nil): throw .refused(.noData)
    case (.create, _?): throw .refused(.fileExists)
    case (.set, _), (.replace, _?), (.create, nil): break
    }
    try requireKnownNames(number)
    try update(number) { inode throws(NamespaceError) in
      switch (index, value) {
      case (let index?, let value?): inode.node.extendedAttributes[index].value = value
      case (let index?, nil): inode.node.extendedAttributes.remove(at: index)
      case (nil, let value?): inode.node.extendedAttributes.append(ExtendedAttribute(name: name, value: value))
      case (nil, nil): break
      }
      inode.node.ctime = time
    }
    markChanged(number)
  }

  /// Makes sure that no name of a hard-linked file is in a loadable directory that is not loaded, before the file
  /// changes.
  func requireKnownNames(_ number: InodeNumber) throws(NamespaceError) {
    if hasUnknownNames(number) { throw .needs(.names(of: number)) }
  }
}
