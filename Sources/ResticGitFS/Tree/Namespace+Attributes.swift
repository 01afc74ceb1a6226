import FuseBridge
import Glibc
import ResticCore
import SystemPackage

/// setxattr(2)'s flags. Source: linux/xattr.h, which Glibc doesn't bring to Swift.
private enum ExtendedAttributeFlag {
  static let create: Int32 = 1
  static let replace: Int32 = 2
}

extension Namespace {
  /// What stat(2) shows. `mounter` stands for owners that are not of this mount.
  func attributes(of number: InodeNumber, mounter: FuseCaller) throws(NamespaceError) -> FuseAttributes {
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
    let (userID, groupID): (UInt32, UInt32) =
      switch inode.owner {
      case .mounter: (mounter.userID, mounter.groupID)
      case .node: (node.uid, node.gid)
      }
    return FuseAttributes(
      inodeNumber: numbers.number(of: number, node), mode: FileMode.unix(node),
      // Like btrfs: 1 says that a directory's count tells nothing about its subdirectories.
      linkCount: inode.isDirectory ? min(inode.linkCount, 1) : inode.linkCount,
      userID: userID, groupID: groupID, device: node.device, byteCount: byteCount,
      blockCount: allocated / 512 + (allocated % 512 == 0 ? 0 : 1),
      accessTime: node.atime.fuseTime, modificationTime: node.mtime.fuseTime, changeTime: node.ctime.fuseTime)
  }

  /// Changes what `changes` names. `ownerNames` are the stored names of the new owner, where there is one.
  ///
  /// Refuses a time that can't be stored with `EOVERFLOW`. To clamp it would be no good: with the writeback cache the kernel
  /// goes on showing the time that was asked for. Source: Linux, fuse_do_setattr.
  mutating func setAttributes(
    of number: InodeNumber, to changes: FuseAttributeChanges, mounter: FuseCaller,
    ownerNames: (user: String, group: String),
    at now: Timestamp
  ) throws(NamespaceError) {
    guard changes != FuseAttributeChanges() else { return }
    let times = [changes.accessTime, changes.modificationTime, changes.changeTime.map { .at($0) }]
    for time in times where time?.timestamp(now: now).isStorable == false { throw .refused(.overflow) }
    try requireKnownNames(number)
    if let byteCount = changes.byteCount { try truncate(number, to: byteCount, at: now) }
    try update(number) { inode throws(NamespaceError) in
      if let mode = changes.mode {
        let kept = FileMode.unix(inode.node) & ~FileMode.permissionMask
        inode.node.mode = FileMode.stored(kept | (mode & FileMode.permissionMask))
      }
      if changes.userID != nil || changes.groupID != nil {
        if case .mounter = inode.owner { (inode.node.uid, inode.node.gid) = (mounter.userID, mounter.groupID) }
        inode.owner = .node
        if let userID = changes.userID { inode.node.uid = userID }
        if let groupID = changes.groupID { inode.node.gid = groupID }
        (inode.node.user, inode.node.group) = ownerNames
      }
      if let time = changes.accessTime { inode.node.atime = time.timestamp(now: now) }
      if let time = changes.modificationTime { inode.node.mtime = time.timestamp(now: now) }
      inode.node.ctime = changes.changeTime.map { FuseAttributeChanges.Time.at($0).timestamp(now: now) } ?? now
    }
    markChanged(number)
  }

  /// Puts or, with nil, removes an extended attribute. `flags` are setxattr(2)'s.
  mutating func setExtendedAttribute(
    _ name: Name, of number: InodeNumber, to value: [UInt8]?, flags: Int32, at now: Timestamp
  ) throws(NamespaceError) {
    let index = try inode(number).node.extendedAttributes.firstIndex { $0.name == name }
    if value == nil || flags & ExtendedAttributeFlag.replace != 0, index == nil { throw .refused(.noData) }
    if flags & ExtendedAttributeFlag.create != 0, index != nil { throw .refused(.fileExists) }
    try requireKnownNames(number)
    try update(number) { inode throws(NamespaceError) in
      switch (index, value) {
      case (let index?, let value?): inode.node.extendedAttributes[index].value = value
      case (let index?, nil): inode.node.extendedAttributes.remove(at: index)
      case (nil, let value?): inode.node.extendedAttributes.append(ExtendedAttribute(name: name, value: value))
      case (nil, nil): break
      }
      inode.node.ctime = now
    }
    markChanged(number)
  }

  /// Makes sure that no name of a hard-linked file is in a directory that could be loaded, before the file changes.
  func requireKnownNames(_ number: InodeNumber) throws(NamespaceError) {
    if hasUnknownNames(number) { throw .needs(.names(of: number)) }
  }
}

extension Timestamp {
  /// The same instant for FUSE.
  var fuseTime: FuseTime { FuseTime(seconds: seconds, nanoseconds: nanoseconds) }
}

extension FuseAttributeChanges.Time {
  /// The time to store.
  func timestamp(now: Timestamp) -> Timestamp {
    switch self {
    case .now: now
    case .at(let time): Timestamp(seconds: time.seconds, nanoseconds: time.nanoseconds)
    }
  }
}
