import ResticCore

@testable import ResticGitFS

/// A tree over a store in memory: committed inodes can be evicted, and are loaded again when they are needed.
struct StoredNamespace {
  var tree = Namespace.empty()
  private var trees: [BlobID: Tree] = [:]
  private(set) var blobs: [BlobID: [UInt8]] = [:]

  /// Makes a change, and loads the directories that the change needs, as `WorkingTree` does.
  mutating func apply(_ change: TreeChange, at time: Timestamp) throws(NamespaceError) -> InodeNumber {
    try loading { tree throws(NamespaceError) in try tree.apply(change, at: time) }
  }

  /// Calls `body` again after each thing that has to be loaded.
  mutating func loading<Result>(
    _ body: (inout Namespace) throws(NamespaceError) -> Result
  ) throws(NamespaceError) -> Result {
    while true {
      do throws(NamespaceError) {
        return try body(&tree)
      } catch {
        guard case .needs(let need) = error else { throw error }
        load(need)
      }
    }
  }

  private mutating func load(_ need: NamespaceError.Need) {
    switch need {
    case .entries(let directory): loadEntries(of: directory)
    case .extents(let file):
      guard let node = tree.inodes[file]?.node else { return }
      let chunks = node.content.map { id in
        StoredChunk(id: id, byteCount: UInt32(blobs[id, default: []].count), endsAtCut: false)
      }
      tree.install(ExtentMap(chunks: chunks), of: file, from: node)
    case .names(let file):
      while let directory = tree.unloadedDirectories.first { loadEntries(of: directory) }
      tree.settleLinkCount(file)
    }
  }

  private mutating func loadEntries(of directory: InodeNumber) {
    guard let id = tree.unloadedTree(of: directory), let stored = trees[id] else {
      return tree.noteUnreadable(directory)
    }
    tree.install(stored, in: directory)
  }

  /// Stores the content of `frozen`, and returns a commit's notes about it.
  mutating func store(_ frozen: FrozenTree) throws -> StoredTree {
    var stored = StoredTree()
    _ = try store(frozen.root, in: &stored)
    return stored
  }

  private mutating func store(_ directory: FrozenTree.Directory, in stored: inout StoredTree) throws -> BlobID {
    var nodes: [Node] = []
    for entry in directory.entries {
      switch entry {
      case .stored(let node, _): nodes.append(node)
      case .file(let inode, var node, let content):
        let bytes = bytes(of: content)
        let id = SHA256.id(of: bytes, as: BlobID.self)
        blobs[id] = bytes
        let chunks = bytes.isEmpty ? [] : [StoredChunk(id: id, byteCount: UInt32(bytes.count), endsAtCut: false)]
        stored.files[inode] = chunks
        (node.content, node.size) = (chunks.map(\.id), UInt64(bytes.count))
        nodes.append(node)
      case .directory(let inner):
        var node = inner.node
        node.subtree = try store(inner, in: &stored)
        nodes.append(node)
      }
    }
    let bytes = Tree(nodes: nodes).encode()
    let id = SHA256.id(of: bytes, as: BlobID.self)
    trees[id] = try Tree.decode(bytes)
    stored.directories[directory.inode] = id
    return id
  }

  /// The content of a file.
  func bytes(of content: ExtentMap) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Int(content.byteCount))
    for extent in content.extents {
      let range = Int(extent.offset)..<Int(extent.end)
      switch extent.source {
      case .zeros: break
      case .blob(let id, _, let skip, _):
        bytes.replaceSubrange(range, with: blobs[id, default: []][Int(skip)...].prefix(range.count))
      case .buffer(let buffer, let start):
        bytes.withUnsafeMutableBytes { target in
          buffer.copy(from: start, to: UnsafeMutableRawBufferPointer(rebasing: target[range]))
        }
      }
    }
    return bytes
  }
}
