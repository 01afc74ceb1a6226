import ResticCore

/// Stores a frozen tree: file contents first, then trees from the leaves up, so that stored trees never refer to
/// missing ones.
struct SnapshotWriter: Sendable {
  /// Stores file contents.
  let files: FileUploader
  /// Where the trees go.
  let uploader: Uploader
  /// Counts every finished file.
  let progress: CommitProgress

  /// How many files are stored at a time.
  private static let filesUnderWay = 2

  /// Stores everything in `frozen`, and makes it durable.
  func store(_ frozen: FrozenTree) async throws -> (tree: DurableTree, stored: StoredTree) {
    var stored = StoredTree()
    stored.files = try await storeFiles(of: frozen)
    let root = try await store(frozen.root, in: &stored)
    return (try await uploader.finish(root: root), stored)
  }

  /// Stores two trees for a merge with `theirs` whose base is gone: `theirs` with this mount's changes in place, and as
  /// the base, the part of `theirs` that this mount did not change. `files` are the chunks of this mount's files,
  /// stored before.
  ///
  /// So everything unchanged comes from `theirs`, and nothing is read that a prune may have removed. This mount's
  /// changes count as made by both sides, and nothing as deleted: that keeps more than necessary, and loses nothing.
  func store(
    _ frozen: FrozenTree, _ files: [InodeNumber: [StoredChunk]], onto theirs: BlobID
  ) async throws -> (base: BlobID, ours: BlobID) {
    let (base, ours) = try await rebase(frozen.root, files, onto: theirs)
    return (base, try await uploader.finish(root: ours).id)
  }

  private func rebase(
    _ directory: FrozenTree.Directory, _ files: [InodeNumber: [StoredChunk]], onto theirs: BlobID?
  ) async throws -> (base: BlobID, ours: BlobID) {
    var (base, ours): ([Node], [Node]) = ([], [])
    var nodes: [Node] = []
    if let theirs { nodes = try await uploader.repository.loadTree(theirs).nodes }
    let theirs = Dictionary(nodes.map { ($0.name, $0) }) { $1 }
    for entry in directory.entries {
      switch entry {
      case .stored(let node, isUntouched: true):
        guard let their = theirs[node.name] else { break }
        base.append(their)
        ours.append(their)
      case .stored(let node, isUntouched: false): ours.append(node)
      case .file(let inode, let node, let content): ours.append(Self.node(node, content, files[inode]))
      case .directory(let inner):
        var node = inner.node
        let their = theirs[node.name]
        let (untouched, changed) = try await rebase(inner, files, onto: their?.subtree)
        node.subtree = changed
        ours.append(node)
        guard var their, their.type == .dir else { break }
        their.subtree = untouched
        base.append(their)
      }
    }
    return (try await store(base), try await store(ours))
  }

  private func store(_ nodes: [Node]) async throws -> BlobID {
    try await uploader.add(Tree(nodes: nodes).encode(), type: .tree)
  }

  private static func node(_ node: Node, _ content: ExtentMap, _ chunks: [StoredChunk]?) -> Node {
    var file = node
    file.content = chunks?.map(\.id) ?? []
    file.size = content.byteCount
    return file
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
          let chunks = try await files.store(content, of: inode)
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
      case .stored(let node, _): nodes.append(node)
      case .file(let inode, let node, let content): nodes.append(Self.node(node, content, stored.files[inode]))
      case .directory(let directory):
        var node = directory.node
        node.subtree = try await store(directory, in: &stored)
        nodes.append(node)
      }
    }
    let id = try await store(nodes)
    stored.directories[directory.inode] = id
    return id
  }
}
