import ResticCore

/// Changes of loose refs, applied to the tree of `refs` at once. Writes only the directories on the way.
struct RefEdits {
  /// An edit of a loose ref.
  enum Edit {
    /// Sets this file, which replaces an empty directory.
    case set(Node)
    /// Removes the file. A directory that becomes empty is removed too, as in git, unless it is `refs` or directly in
    /// it.
    case remove
  }

  private struct Branch {
    var edit: Edit?
    var children: [Name: Branch] = [:]

    subscript(path: ArraySlice<Name>) -> Edit? {
      get { nil }
      set {
        guard let name = path.first else {
          edit = newValue
          return
        }
        children[name, default: Branch()][path.dropFirst()] = newValue
      }
    }
  }

  private var root = Branch()

  /// Whether there is nothing to do.
  var isEmpty: Bool { root.children.isEmpty }

  /// Adds an edit of the loose ref `name`, which is beneath `refs`.
  mutating func note(_ edit: Edit, of name: RefName) {
    precondition(name.isLooseFile, "a loose ref is a file beneath refs")
    root[name.path[1...]] = edit
  }

  /// The tree of `refs` with these edits. New directories get the attributes of those in `ours`.
  func apply(to tree: BlobID?, ours: RefStorage, trees: RefTreeCache, _ context: MergeContext) async throws -> BlobID? {
    try await Self.apply(root, to: tree, at: ["refs"], ours: ours, trees: trees, context)
  }

  private static func apply(
    _ branch: Branch, to tree: BlobID?, at path: [Name], ours: RefStorage, trees: RefTreeCache, _ context: MergeContext
  ) async throws -> BlobID? {
    var nodes: [Name: Node] = [:]
    for node in try await trees.nodes(of: tree) { nodes[node.name] = node }
    for (name, child) in branch.children {
      if case .set(var node)? = child.edit {
        node.name = name
        nodes[name] = node
        continue
      }
      if case .remove? = child.edit, nodes[name]?.type != .dir { nodes[name] = nil }
      guard !child.children.isEmpty else { continue }
      let path = path + [name]
      let existing = nodes[name]?.type == .dir ? nodes[name] : nil
      let subtree = try await apply(child, to: existing?.subtree, at: path, ours: ours, trees: trees, context)
      guard let subtree else {
        if existing != nil { nodes[name] = nil }
        continue
      }
      var node = existing
      if node == nil { node = try await ours.directory(at: path) }
      var directory = node ?? Node(name: name, type: .dir, mode: 1 << 31 | 0o755)
      if node == nil, let like = ours.refs {
        (directory.mode, directory.uid, directory.gid) = (like.mode, like.uid, like.gid)
        (directory.user, directory.group) = (like.user, like.group)
        (directory.mtime, directory.atime, directory.ctime) = (like.mtime, like.atime, like.ctime)
      }
      directory.subtree = subtree
      nodes[name] = directory
    }
    if nodes.isEmpty, path.count > 2 { return nil }
    return try await context.store(Array(nodes.values))
  }
}
