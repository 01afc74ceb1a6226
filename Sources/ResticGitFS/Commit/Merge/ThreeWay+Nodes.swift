import ResticCore

extension ThreeWay<[Node]> {
  /// Every name in any of the directories, ordered by bytes, with its node in each. The nodes must be sorted.
  var entries: [(name: Name, nodes: ThreeWay<Node?>)] {
    var result: [(name: Name, nodes: ThreeWay<Node?>)] = []
    result.reserveCapacity(Swift.max(theirs.count, ours.count))
    var next = map { _ in 0 }
    while true {
      let heads = ThreeWay<Node?>(
        base: base.node(at: next.base), theirs: theirs.node(at: next.theirs), ours: ours.node(at: next.ours))
      guard let name = heads.names.min() else { return result }
      let nodes = heads.map { $0?.name == name ? $0 : nil }
      if nodes.base != nil { next.base += 1 }
      if nodes.theirs != nil { next.theirs += 1 }
      if nodes.ours != nil { next.ours += 1 }
      result.append((name, nodes))
    }
  }

  /// The entry of that name in each.
  subscript(name: Name) -> ThreeWay<Node?> {
    map { nodes in nodes.first { $0.name == name } }
  }
}

extension ThreeWay<Node?> {
  fileprivate var names: [Name] { [base, theirs, ours].compactMap { $0?.name } }

  /// The trees of the nodes that are directories.
  var subtrees: ThreeWay<BlobID?> { map { $0?.type == .dir ? $0?.subtree : nil } }
}

extension [Node] {
  fileprivate func node(at index: Int) -> Node? { index < count ? self[index] : nil }
}
