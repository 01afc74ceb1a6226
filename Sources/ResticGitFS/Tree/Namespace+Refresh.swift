import ResticCore

extension Namespace {
  /// What a plan needs to know of a loaded directory: its entries' nodes and which of them are loaded directories.
  struct DirectoryView: Sendable {
    /// An entry.
    struct Entry: Sendable {
      var inode: InodeNumber
      var node: Node
      var isLoadedDirectory: Bool
    }

    var entries: [Name: Entry]
    /// Whether the directory is a git repository's root.
    var isRepository: Bool
  }

  /// The entries of a loaded directory; nil if it isn't one.
  func view(of directory: InodeNumber) -> DirectoryView? {
    guard case .directory(.loaded(let children))? = inodes[directory]?.body else { return nil }
    var entries: [Name: DirectoryView.Entry] = [:]
    entries.reserveCapacity(children.count)
    for (name, child) in children {
      guard let inode = inodes[child] else { preconditionFailure("a directory names inodes that exist") }
      var isLoaded = false
      if case .directory(.loaded) = inode.body { isLoaded = true }
      entries[name] = DirectoryView.Entry(inode: child, node: inode.node, isLoadedDirectory: isLoaded)
    }
    return DirectoryView(entries: entries, isRepository: BareRepository.isRepository { children[$0] != nil })
  }

  /// Applies `plan`, if nothing speaks against it. `announceRefresh` is called when the kernel knows.
  mutating func apply(_ plan: RefreshPlan) -> RefreshPlan.Outcome {
    guard !isChanged, !hasLock(in: Self.root, at: .outside) else { return .inUse }
    guard plan.directories.allSatisfy(isStillAsPlanned) else { return .outdated }
    guard !plan.directories.contains(where: dropsWriters) else { return .inUse }
    let invalidations = plan.directories.flatMap { directory in
      for name in directory.removed { drop(name, from: directory.inode) }
      for node in directory.replaced {
        drop(node.name, from: directory.inode)
        setChild(install(node, in: directory.inode), as: node.name, in: directory.inode)
      }
      for (inode, node) in directory.retargeted { inodes[inode]?.node = node }
      if directory.inode != Self.root { inodes[directory.inode]?.node = directory.node }
      let listed = RefreshPlan.Invalidation(
        directory: directory.inode, names: directory.removed + directory.replaced.map(\.name))
      // The kernel may know the attributes of a directory that nobody has listed.
      return [listed] + directory.retargeted.map { RefreshPlan.Invalidation(directory: $0.inode, names: []) }
    }
    unannouncedRefreshes += 1
    return .applied(invalidations)
  }

  /// Whether the kernel has yet to forget what a refresh changed.
  var isRefreshing: Bool { unannouncedRefreshes > 0 }

  /// Says that the kernel has forgotten what a refresh changed.
  mutating func announceRefresh() {
    unannouncedRefreshes -= 1
  }

  /// Whether git has refs of a repository locked: it has compared them with what it expects, and is about to change them.
  private func hasLock(in directory: InodeNumber, at position: BareRepository.Position) -> Bool {
    guard case .directory(.loaded(let children))? = inodes[directory]?.body else { return false }
    let position = BareRepository.isRepository { children[$0] != nil } ? .root : position
    return children.contains { name, child in
      switch BareRepository.position(of: name, in: position) {
      case .objects, .packs, .looseObjects: false
      case let inner: BareRepository.isLock(name, in: position) || hasLock(in: child, at: inner)
      }
    }
  }

  /// Whether the plan would take a file's name away while somebody may still write to it.
  private func dropsWriters(_ directory: RefreshPlan.Directory) -> Bool {
    guard case .directory(.loaded(let children))? = inodes[directory.inode]?.body else { return false }
    return (directory.removed + directory.replaced.map(\.name)).contains { name in
      children[name].map(hasWriters) ?? false
    }
  }

  /// Whether somebody may write to an inode or to anything beneath it.
  private func hasWriters(_ number: InodeNumber) -> Bool {
    guard let inode = inodes[number] else { return false }
    if case .directory(.loaded(let children)) = inode.body { return children.values.contains(where: hasWriters) }
    return inode.writerCount > 0
  }

  private func isStillAsPlanned(_ directory: RefreshPlan.Directory) -> Bool {
    guard case .directory(.loaded)? = inodes[directory.inode]?.body else { return false }
    return directory.retargeted.allSatisfy { inode, _ in
      if case .directory(.unloaded)? = inodes[inode]?.body { true } else { false }
    }
  }

  /// Takes a name away because a newer snapshot says so: no link count of a stored node is to be corrected.
  private mutating func drop(_ name: Name, from directory: InodeNumber) {
    guard case .directory(.loaded(let children))? = inodes[directory]?.body, let number = children[name] else { return }
    setChild(nil, as: name, in: directory)
    guard let index = inodes.index(forKey: number) else { return }
    if let position = inodes.values[index].furtherParents.firstIndex(of: directory) {
      inodes.values[index].furtherParents.remove(at: position)
    } else {
      inodes.values[index].parent = inodes.values[index].furtherParents.popLast() ?? 0
    }
    if inodes.values[index].parent == 0 { inodes.values[index].linkCount = 0 }
    dropSubtree(number)
  }

  /// Drops what was beneath a directory that is gone, as far as nobody holds it.
  private mutating func dropSubtree(_ number: InodeNumber) {
    if case .directory(.loaded(let children))? = inodes[number]?.body, inodes[number]?.parent == 0 {
      for name in children.keys { drop(name, from: number) }
    }
    dropIfUnused(number)
  }
}
