import ResticCore

extension Namespace {
  /// The facts about a loaded directory that a plan needs: its entries' nodes, and which of them are loaded
  /// directories.
  struct DirectoryView: Sendable {
    /// An entry.
    struct Entry: Sendable {
      var inode: InodeNumber
      var node: Node
      var isLoadedDirectory: Bool
    }

    var entries: [Name: Entry]
  }

  /// The entries of a loaded directory; nil if it is not one.
  func view(of directory: InodeNumber) -> DirectoryView? {
    guard case .directory(.loaded(let children))? = inodes[directory]?.body else { return nil }
    var entries: [Name: DirectoryView.Entry] = [:]
    entries.reserveCapacity(children.count)
    for (name, child) in children {
      guard let inode = inodes[child] else { preconditionFailure("a directory names inodes that exist") }
      var node = inode.node
      if node.name != name { node.name = name }  // an unchanged node keeps its spelling
      var isLoaded = false
      if case .directory(.loaded) = inode.body { isLoaded = true }
      entries[name] = DirectoryView.Entry(inode: child, node: node, isLoadedDirectory: isLoaded)
    }
    return DirectoryView(entries: entries)
  }

  /// Applies `plan`, unless something prevents it. The caller calls `announceRefresh` once the kernel knows.
  mutating func refresh(by plan: RefreshPlan, at now: Timestamp) -> RefreshPlan.Outcome {
    guard !isChanged, !hasLock(in: Self.root, at: .outside) else { return .inUse }
    guard plan.isComplete, plan.directories.allSatisfy(isStillAsPlanned) else { return .outdated }
    guard !plan.directories.contains(where: dropsWriters) else { return .inUse }
    var invalidations: [RefreshPlan.Invalidation] = []
    // Removals come first: a replacement gets the number of the removed file, and only hard links of the new snapshot
    // count.
    for directory in plan.directories {
      for name in directory.names {
        drop(name, from: directory.inode, &invalidations)
        invalidations.append(.entry(name, in: directory.inode))
      }
    }
    setNodes(plan.directories.flatMap(\.nodes))
    for directory in plan.directories {
      for node in directory.replaced {
        setChild(install(node, in: directory.inode), as: node.name, in: directory.inode)
      }
      if !directory.names.isEmpty {
        let others = rules.namesWithContext.filter {
          !directory.names.contains($0) && hasChild($0, in: directory.inode)
        }
        invalidations += others.map { .entry($0, in: directory.inode) }
      }
      if directory.inode == Self.root, !directory.names.isEmpty { touchRoot(at: now) }
      invalidations += ([directory.inode] + directory.retargeted.map(\.inode)).map { .inode($0) }
    }
    // Files that a snapshot has in flight are not planned for, and may be in the new one as well.
    withoutInFlight.formUnion(plan.directories.lazy.filter(\.lacksInFlight).map(\.inode))
    unannouncedRefreshes += 1
    return .applied(invalidations)
  }

  private func hasChild(_ name: Name, in directory: InodeNumber) -> Bool {
    guard case .directory(.loaded(let children))? = inodes[directory]?.body else { return false }
    return children[name] != nil
  }

  /// Gives remaining directories the nodes of the new snapshot.
  private mutating func setNodes(_ nodes: [(inode: InodeNumber, node: Node)]) {
    let known = nodes.filter { inodes[$0.inode] != nil }
    for (inode, _) in known {
      if let old = inodes[inode]?.node { numbers.remove(inode, old) }
    }
    for (inode, node) in known {
      chooseNumber(of: inode, node, as: node.name, in: inodes[inode]?.parent ?? 0)
      inodes[inode]?.node = node
      if unreadableDirectories.remove(inode) != nil { unloadedDirectories.insert(inode) }
    }
  }

  /// The root's times are in no snapshot, but programs that watch them should see that names were added or removed.
  private mutating func touchRoot(at now: Timestamp) {
    inodes[Self.root]?.node.mtime = now
    inodes[Self.root]?.node.ctime = now
  }

  /// Whether the kernel has not yet forgotten what a refresh changed.
  var isRefreshing: Bool { unannouncedRefreshes > 0 }

  /// Records that the kernel has forgotten what a refresh changed.
  mutating func announceRefresh() {
    unannouncedRefreshes -= 1
  }

  /// Whether a program holds a lock: it has compared what it read with what it expects, and is about to change that.
  private func hasLock(in directory: InodeNumber, at place: DirectoryPlace) -> Bool {
    guard case .directory(.loaded(let children))? = inodes[directory]?.body else { return false }
    let place = rules.place(place) { children[$0] != nil }
    return children.contains { name, child in
      let inner = rules.place(of: name, in: place)
      return rules.mayHoldLocks(inner) && (rules.isLock(name, in: place) || hasLock(in: child, at: inner))
    }
  }

  /// Whether the plan would remove the name of a file that a program may still be writing to.
  private func dropsWriters(_ directory: RefreshPlan.Directory) -> Bool {
    guard case .directory(.loaded(let children))? = inodes[directory.inode]?.body else { return false }
    return directory.names.contains { name in children[name].map(hasWriters) ?? false }
  }

  /// Whether a program may write to an inode or to anything beneath it.
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

  /// Removes a name because of a newer snapshot: link counts of stored nodes are not corrected.
  private mutating func drop(
    _ name: Name, from directory: InodeNumber, _ invalidations: inout [RefreshPlan.Invalidation]
  ) {
    guard case .directory(.loaded(let children))? = inodes[directory]?.body, let number = children[name] else { return }
    setChild(nil, as: name, in: directory)
    guard let index = inodes.index(forKey: number) else { return }
    if let position = inodes.values[index].furtherParents.firstIndex(of: directory) {
      inodes.values[index].furtherParents.remove(at: position)
    } else {
      inodes.values[index].parent = inodes.values[index].furtherParents.popLast() ?? 0
    }
    if inodes.values[index].parent == 0 { loseLastName(number, &invalidations) }
    dropIfUnused(number)
  }

  /// Ends an inode without a name in a newer snapshot: programs that hold it can continue to use it; a directory
  /// becomes empty.
  private mutating func loseLastName(_ number: InodeNumber, _ invalidations: inout [RefreshPlan.Invalidation]) {
    if case .directory(.loaded(let children))? = inodes[number]?.body {
      for name in children.keys { drop(name, from: number, &invalidations) }
    }
    guard let index = inodes.index(forKey: number) else { return }
    inodes.values[index].linkCount = 0
    if inodes.values[index].isDirectory { inodes.values[index].body = .directory(.loaded([:])) }
    unloadedDirectories.remove(number)
    unreadableDirectories.remove(number)
    if inodes.values[index].openCount == 0 {
      numbers.giveUp(number, inodes.values[index].node)
    } else {
      invalidations.append(.attributes(number))
    }
  }
}
