import ResticCore
import SystemPackage

extension Namespace {
  /// Fills a directory that isn't loaded with the entries of its tree. Harmless if another thread was first.
  ///
  /// What was in flight when the snapshot was made is left out: whoever would have finished it is gone.
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

  /// The inode of a stored node: a new one, or for a further name of a hard-linked file the one it has.
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

  /// Whether a change of this inode may also have to change names in directories that aren't loaded.
  func hasUnknownNames(_ number: InodeNumber) -> Bool {
    guard let inode = inodes[number], !inode.isDirectory else { return false }
    return inode.linkCount > UInt32(inode.knownNameCount) && inode.knownNameCount > 0
  }

  /// The tree of a directory that isn't loaded; nil if there is no such directory any more, or it has no tree.
  func unloadedTree(of directory: InodeNumber) -> BlobID? {
    guard let inode = inodes[directory], case .directory(.unloaded) = inode.body else { return nil }
    return inode.node.subtree
  }

  /// Notes that the tree of a directory can't be read. Who enters the directory tries again.
  mutating func noteUnreadable(_ directory: InodeNumber) {
    if unloadedDirectories.remove(directory) != nil { unreadableDirectories.insert(directory) }
  }

  /// Once all directories that can be read are loaded, a link count that is still too high counted names outside of the
  /// snapshot, or in directories that can't be read. Those stay as they are, so they are no names of this file any more:
  /// it gets stored numbers of its own.
  mutating func settleLinkCount(_ number: InodeNumber) {
    guard hasUnknownNames(number), unloadedDirectories.isEmpty, let index = inodes.index(forKey: number) else { return }
    forgetHardLink(number)
    inodes.values[index].linkCount = UInt32(inodes.values[index].knownNameCount)
    if unreadableDirectories.isEmpty { return }
    numbers.identify(number, &inodes.values[index].node, deviceID: deviceID)
    inodes.values[index].node.links = UInt64(inodes.values[index].linkCount)
  }
}
