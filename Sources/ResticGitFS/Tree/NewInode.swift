import ResticCore

/// The attributes of a new inode.
struct NewInode: Hashable, Sendable {
  /// What it is.
  var type: NodeType
  /// The permission bits.
  var permissions: UInt32
  /// Whom it belongs to.
  var owner: NamedOwner
  /// The device number of a device node.
  var device: UInt64 = 0
  /// The target of a symbolic link.
  var linkTarget: [UInt8] = []

  /// The node to store, without a name, numbers and times.
  var node: Node {
    var node = Node(
      name: Name([]), type: type, mode: FileMode.stored(permissions, type), uid: owner.id.userID,
      gid: owner.id.groupID, user: owner.user, group: owner.group)
    node.device = device
    node.linkTarget = linkTarget
    return node
  }
}
