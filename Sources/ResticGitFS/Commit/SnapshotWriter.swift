import ResticCore

/// Stores a frozen tree: file contents first, then trees from the leaves up, so that nothing stored names what is not.
struct SnapshotWriter: Sendable {
  /// Stores file contents.
  let files: FileUploader
  /// Where the trees go.
  let uploader: Uploader
  /// Told of every file that is done.
  let progress: CommitProgress

  /// How many files are stored at a time.
  private static let filesUnderWay = 2

  /// Stores everything `frozen` has, and makes it durable.
  func store(_ frozen: FrozenTree) async throws -> (tree: DurableTree, stored: StoredTree) {
    var stored = StoredTree()
    stored.files = try await storeFiles(of: frozen)
    let root = try await store(frozen.root, in: &stored)
    return (try await uploader.finish(root: root), stored)
  }

  private func storeFiles(of frozen: FrozenTree) async throws -> [InodeNumber: [StoredChunk]] {
    var contents: [InodeNumber: ExtentMap] = [:]  // a hard-linked file is stored once
    Self.collectFiles(of: frozen.root, into: &contents)
    return try await withThrowingTaskGroup(of: (InodeNumber, [StoredChunk]).self) { group in
      var stored: [InodeNumber: [StoredChunk]] = [:]
      var underWay = 0
      for (inode, content) in contents {
        if underWay == Self.filesUnderWay, let (inode, chunks) = try await group.next() {
          stored[inode] = chunks
          underWay -= 1
        }
        underWay += 1
        group.addTask {
          let chunks = try await files.store(content)
          progress.addFile()
          return (inode, chunks)
        }
      }
      while let (inode, chunks) = try await group.next() { stored[inode] = chunks }
      return stored
    }
  }

  private static func collectFiles(of directory: FrozenTree.Directory, into contents: inout [InodeNumber: ExtentMap]) {
    for entry in directory.entries {
      switch entry {
      case .stored: break
      case .file(let inode, _, let content): contents[inode] = content
      case .directory(let directory): collectFiles(of: directory, into: &contents)
      }
    }
  }

  private func store(_ directory: FrozenTree.Directory, in stored: inout StoredTree) async throws -> BlobID {
    var nodes: [Node] = []
    nodes.reserveCapacity(directory.entries.count)
    for entry in directory.entries {
      switch entry {
      case .stored(let node): nodes.append(node)
      case .file(let inode, var node, let content):
        node.content = stored.files[inode]?.map(\.id) ?? []
        node.size = content.byteCount
        nodes.append(node)
      case .directory(let directory):
        var node = directory.node
        node.subtree = try await store(directory, in: &stored)
        nodes.append(node)
      }
    }
    let tree = Tree(nodes: nodes)
    let id = try await uploader.add(tree.encode(), type: .tree)
    stored.directories[directory.inode] = id
    return id
  }
}
