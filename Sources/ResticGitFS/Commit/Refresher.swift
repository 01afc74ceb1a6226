import ResticCore

/// Makes an unchanged tree that of another snapshot, without a remount.
struct Refresher: Sendable {
  /// The tree.
  let tree: WorkingTree
  /// The source of the new snapshot's trees.
  let repository: Repository

  /// How often a plan is made again because more of the tree was loaded meanwhile.
  private static let attempts = 5

  /// Makes the tree that of `root`, and returns what the kernel must forget, after which `Namespace.announceRefresh` is
  /// called; nil if the tree has changes of its own, git has refs locked, or a file that is to be replaced is open for
  /// writing: then a later one does it.
  func refresh(to root: BlobID) async throws -> [RefreshPlan.Invalidation]? {
    for _ in 0..<Self.attempts {
      var plan = RefreshPlan()
      guard let node = tree.read({ $0.inodes[Namespace.root]?.node }) else { return nil }
      try await compare(Namespace.root, node, with: root, position: .outside, in: &plan)
      let settled = plan
      switch tree.bookkeep({ $0.refresh(by: settled, at: .now()) }) {
      case .applied(let invalidations): return invalidations
      case .inUse: return nil
      case .outdated: continue
      }
    }
    return nil
  }

  private func compare(
    _ directory: InodeNumber, _ node: Node, with treeID: BlobID, position: BareRepository.Position,
    in plan: inout RefreshPlan
  ) async throws {
    let newTree = try await repository.loadTree(treeID)
    guard let view = tree.read({ $0.view(of: directory) }) else {
      plan.isComplete = false
      return
    }
    let newNodes = newTree.withoutInFlight(at: position)
    var changes = RefreshPlan.Directory(inode: directory, node: node)
    changes.lacksInFlight = newNodes.count != newTree.nodes.count
    repository.prepareTrees(
      Set(
        newNodes.compactMap { new in
          guard let old = view.entries[new.name], old.isLoadedDirectory, old.node != new else { return nil }
          return new.subtree
        }))
    let position = BareRepository.position(position) { view.entries[$0] != nil }
    var kept: Set<Name> = []
    for new in newNodes {
      kept.insert(new.name)
      guard let old = view.entries[new.name] else {
        changes.replaced.append(new)
        continue
      }
      if old.node == new { continue }
      guard old.node.type == .dir, new.type == .dir, let subtree = new.subtree else {
        changes.replaced.append(new)
        continue
      }
      if old.isLoadedDirectory {
        let inner = BareRepository.position(of: new.name, in: position)
        try await compare(old.inode, new, with: subtree, position: inner, in: &plan)
      } else {
        changes.retargeted.append((old.inode, new))
      }
    }
    // Files that git has in flight here were in no snapshot, and stay.
    changes.removed = view.entries.filter { name, old in
      !kept.contains(name) && !BareRepository.isInFlight(name, isDirectory: old.node.type == .dir, in: position)
    }.map(\.key)
    plan.directories.append(changes)
  }
}
