import ResticCore

extension Namespace {
  /// The changed part of the tree at this instant, without files in flight. The cost depends on the changes, not on the
  /// size of the tree.
  ///
  /// Until `thaw`, the bytes that it holds in memory count, even if files release them.
  mutating func freezeForCommit() -> FrozenTree {
    let frozen = freeze()
    frozenContent = FrozenContent()
    note(frozen.root)
    return frozen
  }

  /// Releases the frozen tree.
  mutating func thaw() {
    frozenContent = FrozenContent()
  }

  private mutating func note(_ directory: FrozenTree.Directory) {
    for entry in directory.entries {
      switch entry {
      case .stored: break
      case .file(let number, _, let content): frozenContent.add(number, content)
      case .directory(let inner): note(inner)
      }
    }
  }

  /// As `freezeForCommit`, for a caller that only reads.
  func freeze() -> FrozenTree {
    guard let root = inodes[Self.root]?.node else { preconditionFailure("the root is always there") }
    var frozen = FrozenTree(root: FrozenTree.Directory(inode: Self.root, node: root), changeNumber: changeNumber)
    let leftOut = directoriesAbove(withoutInFlight)
    frozen.root = freeze(Self.root, node: root, place: .outside, leftOut, counting: &frozen)
    return frozen
  }

  private func freeze(
    _ number: InodeNumber, node: Node, place: DirectoryPlace, _ leftOut: Set<InodeNumber>,
    counting frozen: inout FrozenTree
  ) -> FrozenTree.Directory {
    var directory = FrozenTree.Directory(inode: number, node: node)
    guard case .directory(.loaded(let children))? = inodes[number]?.body else { return directory }
    let place = rules.place(place) { children[$0] != nil }
    directory.entries.reserveCapacity(children.count)
    for (name, child) in children {
      guard let inode = inodes[child] else { preconditionFailure("a directory names inodes that exist") }
      if rules.isInFlight(name, isDirectory: inode.isDirectory, in: place) { continue }
      var node = inode.node
      if node.name != name { node.name = name }  // an unchanged node keeps its spelling
      switch inode.body {
      case .file(.changed(let extents)):
        frozen.changedFileCount += 1
        frozen.changedByteCount += extents.byteCount
        directory.entries.append(.file(child, node, extents))
      case .directory(.loaded) where inode.changeNumber != 0 || node.subtree == nil || leftOut.contains(child):
        let place = rules.place(of: name, in: place)
        directory.entries.append(.directory(freeze(child, node: node, place: place, leftOut, counting: &frozen)))
      case .file(.stored), .file(.resolved), .directory, .special:
        directory.entries.append(.stored(node, isUntouched: inode.changeNumber == 0))
      }
    }
    return directory
  }

  /// Records what a commit has stored: everything that has not changed since the tree was frozen is as in the base
  /// snapshot again.
  mutating func settle(_ stored: StoredTree, of frozen: FrozenTree) {
    for (number, chunks) in stored.files {
      guard let index = inodes.index(forKey: number), inodes.values[index].changeNumber <= frozen.changeNumber,
        case .file(.changed(let extents)) = inodes.values[index].body
      else { continue }
      dropBuffered(of: number)
      forgetHardLink(number)
      inodes.values[index].node.content = chunks.map(\.id)
      inodes.values[index].node.size = extents.byteCount
      inodes.values[index].body = .file(
        inodes.values[index].openCount > 0 ? .resolved(ExtentMap(chunks: chunks)) : .stored)
    }
    for (number, tree) in stored.directories {
      withoutInFlight.remove(number)
      guard let index = inodes.index(forKey: number) else { continue }
      inodes.values[index].node.subtree = tree
      if inodes.values[index].changeNumber <= frozen.changeNumber { inodes.values[index].changeNumber = 0 }
      guard case .directory(.loaded(let children)) = inodes.values[index].body else { continue }
      for child in children.values { settleLeaf(child, frozenAt: frozen.changeNumber) }
    }
  }

  /// This also holds for a directory that is not loaded.
  private mutating func settleLeaf(_ number: InodeNumber, frozenAt changeNumber: ChangeNumber) {
    guard let index = inodes.index(forKey: number), inodes.values[index].changeNumber <= changeNumber else { return }
    if case .directory(.loaded) = inodes.values[index].body { return }
    inodes.values[index].changeNumber = 0
  }
}
