import ResticCore
import SystemPackage

extension Namespace {
  /// Fills a directory that isn't loaded with the entries of its tree. Harmless if another thread was first.
  mutating func install(_ tree: Tree, in directory: InodeNumber) {
    guard let index = inodes.index(forKey: directory) else { return }
    switch inodes.values[index].body {
    case .directory(.unloaded): break
    case .directory(.loaded(let children)) where directory == Self.root && children.isEmpty: break
    case .directory(.loaded), .file, .special: return
    }
    var children: [Name: InodeNumber] = [:]
    children.reserveCapacity(tree.nodes.count)
    for node in tree.nodes {
      children[node.name] = install(node, in: directory)
    }
    inodes[directory]?.body = .directory(.loaded(children))
  }

  /// The inode of a stored node: a new one, or for a further name of a hard-linked file the one it has.
  mutating func install(_ node: Node, in directory: InodeNumber) -> InodeNumber {
    let key = HardLinkKey(deviceID: node.deviceID, inode: node.inode)
    let isHardLinked = node.type == .file && node.links > 1 && node.inode != 0
    if isHardLinked, let number = hardLinks[key], let inode = inodes[number], inode.node.type == .file,
      inode.linkCount > UInt32(inode.knownNameCount), isSameFile(inode, node)
    {
      addParent(directory, to: number)
      return number
    }
    let number = nextInode
    nextInode += 1
    if isHardLinked, hardLinks[key] == nil { hardLinks[key] = number }
    let body: Inode.Body =
      switch node.type {
      case .file: .file(.stored)
      case .dir: .directory(.unloaded)
      case .symlink, .dev, .chardev, .fifo, .socket, .other: .special
      }
    let links = isHardLinked ? UInt32(clamping: node.links) : 1
    inodes[number] = Inode(node: node, body: body, owner: .mounter, parent: directory, linkCount: links)
    return number
  }

  /// Whether `node` is a further name of `inode`: the same stored file. One that changed meanwhile is still that file.
  private func isSameFile(_ inode: Inode, _ node: Node) -> Bool {
    inode.node.content == node.content && inode.node.size == node.size
  }

  /// Whether a change of this inode would also have to change names in directories that aren't loaded.
  func hasUnknownNames(_ number: InodeNumber) -> Bool {
    guard let inode = inodes[number], !inode.isDirectory else { return false }
    return inode.linkCount > UInt32(inode.knownNameCount) && inode.knownNameCount > 0
  }

  /// The first directory that isn't loaded yet, in no particular order of the tree.
  func someUnloadedDirectory() -> InodeNumber? {
    inodes.first { if case .directory(.unloaded) = $0.value.body { true } else { false } }?.key
  }

  /// Once all directories are loaded, a link count that is still too high counted names outside of the snapshot.
  mutating func settleLinkCount(_ number: InodeNumber) {
    guard let index = inodes.index(forKey: number) else { return }
    inodes.values[index].linkCount = UInt32(inodes.values[index].knownNameCount)
  }
}
