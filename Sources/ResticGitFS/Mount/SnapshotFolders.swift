import ResticCore

/// The folders of a snapshot: the requested one, and those that are git repositories.
struct SnapshotFolders: Sendable {
  /// Where the snapshot is.
  let repository: Repository
  let saved: SavedSnapshot
  /// The snapshot's root tree, if it is loaded already.
  var root: Tree?

  /// How many folders are searched for repositories: a backup of one is a few folders deep (`/srv/git/p.git`).
  private static let searchLimit = 40

  /// The tree at `folder`. Throws `.noSnapshot` if the snapshot has no such folder.
  func tree(at folder: [Name]) async throws(RepositoryError) -> Tree {
    var tree = try await rootTree()
    for (depth, name) in folder.enumerated() {
      let path = folder[...depth].map(\.description).joined(separator: "/")
      guard let node = tree.nodes.first(where: { $0.name == name }) else {
        let names = tree.nodes.filter { $0.type == .dir }.prefix(5).map(\.name.description)
        throw .noSnapshot(
          "snapshot \(saved.id.short) has no folder /\(path)"
            + (names.isEmpty ? "" : "; beside it are \(names.joined(separator: ", "))"))
      }
      guard node.type == .dir, let subtree = node.subtree else {
        throw .noSnapshot("/\(path) in snapshot \(saved.id.short) is not a folder")
      }
      tree = try await repository.loadTree(subtree)
    }
    return tree
  }

  private func rootTree() async throws(RepositoryError) -> Tree {
    if let root { return root }
    return try await repository.loadTree(saved.snapshot.tree)
  }

  /// The git repositories nearest to the root, as far as a limited search finds them.
  func repositories() async throws(RepositoryError) -> [[Name]] {
    var found: [[Name]] = []
    var open: [(path: [Name], tree: BlobID)] = [([], saved.snapshot.tree)]
    for _ in 0..<Self.searchLimit where !open.isEmpty {
      let (path, id) = open.removeFirst()
      let nodes = try await (path.isEmpty ? rootTree() : repository.loadTree(id)).nodes
      if BareRepository.isRepository({ nodes.contains($0) }) {
        found.append(path)
        continue
      }
      open += nodes.filter { $0.type == .dir }.compactMap { node in node.subtree.map { (path + [node.name], $0) } }
    }
    return found
  }
}
