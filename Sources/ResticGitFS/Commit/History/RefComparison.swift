import ResticCore

/// Compares the refs of two trees: those of every git repository in them, loose, packed, and `HEAD`.
///
/// A tree that has the same id on both sides is not loaded, so the cost depends only on what changed. Belongs to one
/// task.
final class RefComparison {
  /// Refs of a repository that are not compared.
  struct Omission: Hashable, Sendable {
    enum Reason: Hashable, Sendable {
      /// The refs are in reftables.
      case tables
      /// `packed-refs` is larger than git's own could be, is not a file, or is not one that git would read.
      case unreadable
    }

    let repository: [Name]
    let reason: Reason
  }

  private let context: MergeContext
  private let trees: RefTreeCache
  /// The omissions so far.
  private(set) var omissions: Set<Omission> = []

  /// The number of entries of trees and of `packed-refs` in memory, kept for the next comparisons.
  var heldCount: Int { trees.heldCount }

  /// Compares trees of `repository`, whose index is loaded.
  init(_ repository: Repository) {
    // Nothing is stored and nothing conflicts; the context only serves to read trees as a merge does.
    context = MergeContext(uploader: repository.makeUploader(), label: ConflictLabel(host: "", time: .zero))
    trees = RefTreeCache(context)
  }

  /// The refs whose value in `new` differs from that in `old`, sorted by repository and name.
  func moves(from old: BlobID?, to new: BlobID?) async throws -> [RefMove] {
    var moves: [RefMove] = []
    try await compare(old, new, at: [], into: &moves)
    return moves
  }

  /// The value of a ref of the git repository whose root is the tree `root`.
  func value(of name: RefName, in root: BlobID) async throws -> RefValue? {
    try await storage(try await context.nodes(of: root)).refs.value(of: name)
  }

  /// Whether the git repository whose root is the tree `root` keeps refs in reftables, which are not read.
  func hasTables(in root: BlobID) async throws -> Bool {
    try await context.nodes(of: root).contains { $0.name == "reftable" }
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
    if (before + after).contains(where: { $0.name == "reftable" }) {
      omissions.insert(Omission(repository: path, reason: .tables))
    }
    // The content of an unreadable file is not known, so refs that may be in it are not reported.
    let isKnown = old.isWhole && new.isWhole
    if !isKnown { omissions.insert(Omission(repository: path, reason: .unreadable)) }
    var names = Set(isKnown ? new.refs.packed.differences(from: old.refs.packed) : [])
    try await collect(old.refs.refs?.subtree, new.refs.refs?.subtree, at: ["refs"], into: &names)
    if !old.refs.head.hasSameSubstance(as: new.refs.head) { names.insert(.head) }
    for name in names.sorted() {
      let (before, after) = (try await old.refs.value(of: name), try await new.refs.value(of: name))
      guard before != after, before != nil || old.isWhole, after != nil || new.isWhole else { continue }
      moves.append(RefMove(repository: path, name: name, old: before, new: after))
    }
  }

  /// The refs of the repository whose root has the entries `nodes`, and whether all of its `packed-refs` is included.
  private func storage(_ nodes: [Node]) async throws -> (refs: RefStorage, isWhole: Bool) {
    let packedNode = nodes.first { $0.name == "packed-refs" }
    let packed: PackedRefs? =
      switch packedNode {
      case nil: .empty
      case let node? where node.type == .file: try await trees.packedRefs(node)
      default: nil
      }
    let refs = RefStorage(
      context, trees: trees, head: nodes.first { $0.name == "HEAD" }, refs: nodes.first { $0.name == "refs" },
      packedNode: packedNode, packed: packed ?? .empty)
    return (refs, packed != nil)
  }

  /// Adds the names of loose refs that may differ to `names`.
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
