import ResticCore
import SystemPackage

extension Namespace {
  /// Adds the entries of its tree to a directory that is not loaded. Has no effect if another thread was first.
  ///
  /// Files in flight when the snapshot was made are left out: the program that would have finished them is gone.
  mutating func install(_ tree: Tree, in directory: InodeNumber) {
    guard let index = inodes.index(forKey: directory) else { return }
    switch inodes.values[index].body {
    case .directory(.unloaded): break
    case .directory(.loaded(let children)) where directory == Self.root && children.isEmpty: break
    case .directory(.loaded), .file, .special: return
    }
    let nodes = rules.withoutInFlight(tree.nodes, at: place(of: directory))
    if nodes.count != tree.nodes.count { withoutInFlight.insert(directory) }
    var children: [Name: InodeNumber] = [:]
    children.reserveCapacity(nodes.count)
    for node in nodes {
      children[node.name] = install(node, in: directory)
    }
    inodes[directory]?.body = .directory(.loaded(children))
    if directory != Self.root { noteLoaded(directory) }
    unloadedDirectories.remove(directory)
    unreadableDirectories.remove(directory)
  }

  /// The inode of a stored node: a new one, or the existing one for a further name of a hard-linked file.
  mutating func install(_ node: Node, in directory: InodeNumber) -> InodeNumber {
    let key = HardLinkKey(node)
    if let key, let number = hardLinks[key], let inode = inodes[number],
      inode.linkCount > UInt32(inode.knownNameCount), inode.node.hasContent(of: node)
    {
      addParent(directory, to: number)
      return number
    }
    let number = nextInode
    nextInode += 1
    if let key { hardLinks[key] = number }
    let body: Inode.Body =
      switch node.type {
      case .file: .file(.stored)
      case .dir: .directory(.unloaded)
      case .symlink, .dev, .chardev, .fifo, .socket, .other: .special
      }
    if node.type == .dir { unloadedDirectories.insert(number) }
    chooseNumber(of: number, node, as: node.name, in: directory)
    let links = key == nil ? 1 : UInt32(clamping: node.links)
    inodes[number] = Inode(node: node, body: body, owner: .mounter, parent: directory, linkCount: links)
    return number
  }

  /// Whether a change of this inode may also affect names in directories that are not loaded.
  func hasUnknownNames(_ number: InodeNumber) -> Bool {
    guard let inode = inodes[number], !inode.isDirectory else { return false }
    return inode.linkCount > UInt32(inode.knownNameCount) && inode.knownNameCount > 0
  }

  /// Whether the entries of a directory have to be loaded before anybody can see them.
  func isUnloaded(_ directory: InodeNumber) -> Bool {
    if case .directory(.unloaded)? = inodes[directory]?.body { true } else { false }
  }

  /// The tree of a directory that is not loaded; nil if the directory is gone, or has no tree.
  func unloadedTree(of directory: InodeNumber) -> BlobID? {
    isUnloaded(directory) ? inodes[directory]?.node.subtree : nil
  }

  /// Records that the tree of a directory cannot be read. Entering the directory tries again.
  mutating func noteUnreadable(_ directory: InodeNumber) {
    if unloadedDirectories.remove(directory) != nil { unreadableDirectories.insert(directory) }
  }

  /// Once all readable directories are loaded, a link count that is still too high counted names outside the snapshot,
  /// or in unreadable directories. Those names stay as stored, so they no longer belong to this file: it gets stored
  /// numbers of its own.
  mutating func settleLinkCount(_ number: InodeNumber) {
    guard hasUnknownNames(number), unloadedDirectories.isEmpty, let index = inodes.index(forKey: number) else { return }
    forgetHardLink(number)
    inodes.values[index].linkCount = UInt32(inodes.values[index].knownNameCount)
    if unreadableDirectories.isEmpty { return }
    numbers.identify(number, &inodes.values[index].node, deviceID: deviceID)
    inodes.values[index].node.links = UInt64(inodes.values[index].linkCount)
  }
}
