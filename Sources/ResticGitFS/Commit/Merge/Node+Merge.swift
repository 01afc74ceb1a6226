import ResticCore

extension Node {
  /// Whether both have the same type and content. Times, mode, owner, extended attributes and names do not matter.
  func hasSameSubstance(as other: Node) -> Bool {
    guard type == other.type else { return false }
    switch type {
    case .file: return content == other.content && size == other.size
    case .dir: return subtree == other.subtree
    case .symlink: return linkTarget == other.linkTarget
    case .dev, .chardev: return device == other.device
    case .fifo, .socket: return true
    case .other: return content == other.content && subtree == other.subtree && linkTarget == other.linkTarget
    }
  }

  /// This node, whose content was chosen before, with the changes of mode, owner and extended attributes since `base`
  /// that only `other` has.
  func adoptingMetadata(of other: Node, since base: Node?) -> Node {
    guard let base, type == other.type else { return self }
    var node = self
    if mode == base.mode, other.mode != base.mode { node.mode = other.mode }
    if hasSameOwner(as: base), !other.hasSameOwner(as: base) {
      (node.uid, node.gid, node.user, node.group) = (other.uid, other.gid, other.user, other.group)
    }
    if extendedAttributes == base.extendedAttributes, other.extendedAttributes != base.extendedAttributes {
      node.extendedAttributes = other.extendedAttributes
    }
    return node
  }

  private func hasSameOwner(as other: Node) -> Bool {
    uid == other.uid && gid == other.gid && user == other.user && group == other.group
  }
}

extension ThreeWay<Node?> {
  /// The merged node of two sides with the same content: the changed side's node if the other changed nothing,
  /// otherwise the later one (theirs, if neither is later), with the changes that only the other has.
  static func metadata(base: Node?, theirs: Node, ours: Node) -> Node {
    if theirs == ours || ours == base { return theirs }
    if theirs == base { return ours }
    return theirs.mtime < ours.mtime
      ? ours.adoptingMetadata(of: theirs, since: base) : theirs.adoptingMetadata(of: ours, since: base)
  }
}

extension Node? {
  /// Whether both are absent, or have the same content.
  func hasSameSubstance(as other: Node?) -> Bool {
    switch (self, other) {
    case (nil, nil): true
    case (let node?, let other?): node.hasSameSubstance(as: other)
    default: false
    }
  }
}
