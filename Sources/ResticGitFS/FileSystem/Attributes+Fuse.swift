import FuseBridge
import ResticCore

extension FuseAttributes {
  /// The attributes of an inode in the form for the kernel.
  init(_ attributes: InodeAttributes) {
    let allocated = attributes.allocatedByteCount
    self.init(
      inodeNumber: attributes.inodeNumber, mode: attributes.mode, linkCount: attributes.linkCount,
      userID: attributes.owner.userID, groupID: attributes.owner.groupID, device: attributes.device,
      byteCount: attributes.byteCount, blockCount: allocated / 512 + (allocated % 512 == 0 ? 0 : 1),
      accessTime: FuseTime(attributes.accessTime), modificationTime: FuseTime(attributes.modificationTime),
      changeTime: FuseTime(attributes.changeTime))
  }
}

extension AttributeChanges {
  /// The changes that the kernel requests at `now`. `owner` is the new owner, if there is one.
  init(_ changes: FuseAttributeChanges, owner: NamedOwner?, now: Timestamp) {
    self.init(
      mode: changes.mode, owner: owner, byteCount: changes.byteCount,
      accessTime: changes.accessTime.map { Timestamp($0, now: now) },
      modificationTime: changes.modificationTime.map { Timestamp($0, now: now) },
      changeTime: changes.changeTime.map { Timestamp($0) })
  }
}

extension FuseTime {
  fileprivate init(_ time: Timestamp) {
    self.init(seconds: time.seconds, nanoseconds: time.nanoseconds)
  }
}

extension Timestamp {
  fileprivate init(_ time: FuseTime) {
    self.init(seconds: time.seconds, nanoseconds: time.nanoseconds)
  }

  fileprivate init(_ time: FuseAttributeChanges.Time, now: Timestamp) {
    switch time {
    case .now: self = now
    case .at(let time): self.init(time)
    }
  }
}

extension TreeChange.RenameMode {
  /// The mode that the kernel requests.
  init(_ mode: FuseRenameMode) {
    switch mode {
    case .replace: self = .replace
    case .refuse: self = .refuse
    case .exchange: self = .exchange
    }
  }
}

extension TreeChange.ExtendedAttributeMode {
  /// The flags of setxattr(2); nil for unknown ones.
  /// Source: linux/xattr.h, which Glibc does not export to Swift.
  init?(flags: Int32) {
    switch flags {
    case 0: self = .set
    case 1: self = .create
    case 2: self = .replace
    default: return nil
    }
  }
}
