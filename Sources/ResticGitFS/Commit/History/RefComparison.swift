import ResticCore

/// Compares the refs of two trees: those of every git repository in them, loose, packed, and `HEAD`.
///
/// What has one id in both trees is not loaded: the cost follows what changed. Belongs to one task.
final class RefComparison {
  private let context: MergeContext
  private let trees: RefTreeCache

  /// Compares trees of `repository`, whose index is loaded.
  init(_ repository: Repository) {
    // Nothing is stored and nothing is in conflict: it reads as a merge does.
    context = MergeContext(uploader: repository.makeUploader(), label: ConflictLabel(host: "", time: .zero))
    trees = RefTreeCache(context)
  }

  /// The refs that are not in `new` as they are in `old`, sorted by repository and name.
  func moves(from old: BlobID?, to new: BlobID?) async throws -> [RefMove] {
    var moves: [RefMove] = []
    try await compare(old, new, at: [], into: &moves)
    return moves
  }

  /// The value of a ref of the git repository whose root is the tree `root`.
  func value(of name: RefName, in root: BlobID) async throws -> RefValue? {
    try await storage(try await context.nodes(of: root)).value(of: name)
  }

  private func compare(_ old: BlobID?, _ new: BlobID?, at path: [Name], into moves: inout [RefMove]) async throws {
    if old == new { return }
    let (before, after) = (try await context.nodes(of: old), try await context.nodes(of: new))
    let (wasRepository, isRepository) = (Self.isRepository(before), Self.isRepository(after))
    if wasRepository || isRepository {
      try await compareRefs(wasRepository ? before : [], isRepository ? after : [], at: path, into: &moves)
    }
    let position: BareRepository.Position = wasRepository || isRepository ? .root : .outside
    var folders: [Name: (old: BlobID?, new: BlobID?)] = [:]
    for node in before where node.type == .dir { folders[node.name] = (node.subtree, nil) }
    for node in after where node.type == .dir { folders[node.name, default: (nil, nil)].new = node.subtree }
    for (name, ids) in folders.sorted(by: { $0.key < $1.key })
    where BareRepository.position(of: name, in: position) == .outside {
      try await compare(ids.old, ids.new, at: path + [name], into: &moves)
    }
  }

  private static func isRepository(_ nodes: [Node]) -> Bool {
    BareRepository.isRepository { name in nodes.contains { $0.name == name } }
  }

  // MARK: One repository

  private func compareRefs(
    _ before: [Node], _ after: [Node], at path: [Name], into moves: inout [RefMove]
  ) async throws {
    let (old, new) = (try await storage(before), try await storage(after))
    var names = Set(new.packed.differences(from: old.packed))
    try await collect(old.refs?.subtree, new.refs?.subtree, at: ["refs"], into: &names)
    if !old.head.hasSameSubstance(as: new.head) { names.insert(.head) }
    for name in names.sorted() {
      let (before, after) = (try await old.value(of: name), try await new.value(of: name))
      if before != after { moves.append(RefMove(repository: path, name: name, old: before, new: after)) }
    }
  }

  private func storage(_ nodes: [Node]) async throws -> RefStorage {
    let packedNode = nodes.first { $0.name == "packed-refs" }
    var packed = PackedRefs.empty
    if let packedNode, packedNode.type == .file { packed = try await trees.packedRefs(packedNode) ?? .empty }
    return RefStorage(
      context, trees: trees, head: nodes.first { $0.name == "HEAD" }, refs: nodes.first { $0.name == "refs" },
      packedNode: packedNode, packed: packed)
  }

  /// The loose refs that may differ.
  private func collect(_ old: BlobID?, _ new: BlobID?, at path: [Name], into names: inout Set<RefName>) async throws {
    if old == new { return }
    let (before, after) = (try await trees.nodes(of: old), try await trees.nodes(of: new))
    var pairs: [Name: (old: Node?, new: Node?)] = [:]
    for node in before { pairs[node.name] = (node, nil) }
    for node in after { pairs[node.name, default: (nil, nil)].new = node }
    for (name, pair) in pairs {
      let path = path + [name]
      let files = (pair.old?.type == .dir ? nil : pair.old, pair.new?.type == .dir ? nil : pair.new)
      if !files.0.hasSameSubstance(as: files.1) { names.insert(RefName(path: path)) }
      let folders = (
        pair.old?.type == .dir ? pair.old?.subtree : nil, pair.new?.type == .dir ? pair.new?.subtree : nil
      )
      try await collect(folders.0, folders.1, at: path, into: &names)
    }
  }
}
