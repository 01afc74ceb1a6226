import Glibc
import ResticCore
import SystemPackage

/// Creating, removing and moving names: the only file that changes directories. `Namespace.apply` calls it.
extension Namespace {
  mutating func applyCreate(
    _ new: NewInode, as name: Name, in directory: InodeNumber, at now: Timestamp
  ) throws(NamespaceError) -> InodeNumber {
    guard try optionalChild(name, of: directory) == nil else { throw .refused(.fileExists) }
    // The answer is as if another program held the lock, so the caller tries again. What it has read, or reads now, may
    // be older than a refresh.
    guard !isRefreshing || !rules.mayBeLock(name) else { throw .refused(.fileExists) }
    try requireLinked(directory)
    let number = nextInode
    nextInode += 1
    var node = new.node
    node.inode = number
    node.deviceID = deviceID
    node.links = 1
    (node.mtime, node.atime, node.ctime) = (now, now, now)
    let body: Inode.Body =
      switch node.type {
      case .file: .file(.changed(ExtentMap()))
      case .dir: .directory(.loaded([:]))
      case .symlink, .dev, .chardev, .fifo, .socket, .other: .special
      }
    chooseNumber(of: number, node, as: name, in: directory)
    inodes[number] = Inode(node: node, body: body, owner: .node, parent: 0)
    if node.type == .dir { noteLoaded(number) }
    try attach(number, as: name, in: directory)
    touch(directory, at: now)
    markChanged(number)
    return number
  }

  mutating func applyLink(
    _ number: InodeNumber, as name: Name, in directory: InodeNumber, at now: Timestamp
  ) throws(NamespaceError) -> InodeNumber {
    let inode = try inode(number)
    guard !inode.isDirectory else { throw .refused(.notPermitted) }
    guard inode.linkCount > 0 else { throw .refused(.noSuchFileOrDirectory) }
    guard try optionalChild(name, of: directory) == nil else { throw .refused(.fileExists) }
    try requireLinked(directory)
    try requireKnownNames(number)
    try attach(number, as: name, in: directory)
    guard let index = inodes.index(forKey: number) else { throw .refused(.staleNFSFileHandle) }
    // restic links restored files that agree in both numbers. New numbers here are unique; those of files with links
    // are kept.
    if inodes.values[index].node.links <= 1 {
      numbers.identify(number, &inodes.values[index].node, deviceID: deviceID)
    }
    inodes.values[index].linkCount += 1
    inodes.values[index].node.ctime = now
    inodes.values[index].node.links = UInt64(inodes.values[index].linkCount)
    touch(directory, at: now)
    markChanged(number)
    return number
  }

  mutating func applyUnlink(
    _ name: Name, in directory: InodeNumber, at now: Timestamp
  ) throws(NamespaceError) -> InodeNumber {
    let number = try child(name, of: directory)
    guard try !inode(number).isDirectory else { throw .refused(.isDirectory) }
    try requireKnownNames(number)
    try remove(number, as: name, in: directory, at: now)
    return number
  }

  mutating func applyRemoveDirectory(
    _ name: Name, in directory: InodeNumber, at now: Timestamp
  ) throws(NamespaceError) -> InodeNumber {
    let number = try child(name, of: directory)
    guard try children(of: number).isEmpty else { throw .refused(.directoryNotEmpty) }
    try remove(number, as: name, in: directory, at: now)
    return number
  }

  mutating func applyRename(
    _ name: Name, in directory: InodeNumber, to newName: Name, in newDirectory: InodeNumber,
    mode: TreeChange.RenameMode, at now: Timestamp
  ) throws(NamespaceError) -> InodeNumber {
    let source = try child(name, of: directory)
    let target = try optionalChild(newName, of: newDirectory)
    try requireLinked(newDirectory)
    guard try !isAncestor(source, of: newDirectory) else { throw .refused(.invalidArgument) }
    if source != target {
      try requireKnownNames(source)
      if let target { try requireKnownNames(target) }
    }
    switch (mode, target) {
    case (.exchange, nil): throw .refused(.noSuchFileOrDirectory)
    case (.exchange, let target?):
      guard try !isAncestor(target, of: directory) else { throw .refused(.invalidArgument) }
      guard source != target else { return source }
      try detach(source, as: name, from: directory)
      try detach(target, as: newName, from: newDirectory)
      try attach(target, as: name, in: directory)
      try attach(source, as: newName, in: newDirectory)
      try changed(target, at: now)
      markMoved(target)
    case (.refuse, _?): throw .refused(.fileExists)
    case (.replace, let target?):
      guard source != target else { return source }
      try requireReplaceable(target, by: source)
      try remove(target, as: newName, in: newDirectory, at: now)
      try move(source, name, in: directory, to: newName, in: newDirectory)
    case (.replace, nil), (.refuse, nil):
      try move(source, name, in: directory, to: newName, in: newDirectory)
    }
    touch(directory, at: now)
    touch(newDirectory, at: now)
    try changed(source, at: now)
    markMoved(source)
    return source
  }

  /// A directory can replace only an empty directory, and any other file only a file that is not a directory.
  private func requireReplaceable(_ target: InodeNumber, by source: InodeNumber) throws(NamespaceError) {
    switch (try inode(source).isDirectory, try inode(target).isDirectory) {
    case (true, false): throw .refused(.notDirectory)
    case (false, true): throw .refused(.isDirectory)
    case (true, true):
      guard try children(of: target).isEmpty else { throw .refused(.directoryNotEmpty) }
    case (false, false): break
    }
  }

  private mutating func move(
    _ number: InodeNumber, _ name: Name, in directory: InodeNumber, to newName: Name, in newDirectory: InodeNumber
  ) throws(NamespaceError) {
    try detach(number, as: name, from: directory)
    try attach(number, as: newName, in: newDirectory)
  }

  /// Records that everything beneath a moved directory is in a new place: none of it is as in the base snapshot.
  private mutating func markMoved(_ directory: InodeNumber) {
    guard case .directory(.loaded(let children))? = inodes[directory]?.body else { return }
    for child in children.values {
      guard let index = inodes.index(forKey: child) else { continue }
      inodes.values[index].changeNumber = changeNumber
      markMoved(child)
    }
  }

  /// Removes a name from an inode, and drops the inode if nothing else holds it.
  private mutating func remove(
    _ number: InodeNumber, as name: Name, in directory: InodeNumber, at now: Timestamp
  ) throws(NamespaceError) {
    try detach(number, as: name, from: directory)
    forgetHardLink(number)
    try update(number) { inode throws(NamespaceError) in
      inode.linkCount -= min(1, inode.linkCount)
      inode.node.links = UInt64(max(inode.linkCount, 1))
    }
    touch(directory, at: now)
    try changed(number, at: now)
    dropIfUnused(number)
  }

  /// Sets a directory's times after a change of its entries.
  private mutating func touch(_ directory: InodeNumber, at now: Timestamp) {
    guard let index = inodes.index(forKey: directory) else { return }
    (inodes.values[index].node.mtime, inodes.values[index].node.ctime) = (now, now)
    markChanged(directory)
  }

  private mutating func changed(_ number: InodeNumber, at now: Timestamp) throws(NamespaceError) {
    try update(number) { inode throws(NamespaceError) in inode.node.ctime = now }
    markChanged(number)
  }

  /// A removed directory accepts no new names.
  private func requireLinked(_ directory: InodeNumber) throws(NamespaceError) {
    guard try inode(directory).linkCount > 0 else { throw .refused(.noSuchFileOrDirectory) }
  }

  /// Whether `number` is `directory` or above it.
  private func isAncestor(_ number: InodeNumber, of directory: InodeNumber) throws(NamespaceError) -> Bool {
    var current = directory
    while current != number {
      guard current != Self.root, current != 0 else { return false }
      current = try inode(current).parent
    }
    return true
  }
}
