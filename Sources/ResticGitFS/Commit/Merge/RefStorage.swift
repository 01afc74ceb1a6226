import ResticCore

/// The refs of one side: `HEAD`, loose files beneath `refs`, and `packed-refs`, which loose files override.
///
/// Trees and refs are loaded when they are needed. Belongs to one task.
final class RefStorage {
  /// The object at the path of a loose ref.
  enum Loose: Equatable {
    case nothing
    /// A file, or something else that isn't a directory.
    case file(Node)
    case directory(BlobID?)
  }

  private let context: MergeContext
  private let trees: RefTreeCache
  /// The repository's entry `HEAD`.
  let head: Node?
  /// The repository's entry `refs`.
  let refs: Node?
  /// The repository's entry `packed-refs`.
  let packedNode: Node?
  /// The content of `packed-refs`.
  let packed: PackedRefs

  init(
    _ context: MergeContext, trees: RefTreeCache, head: Node?, refs: Node?, packedNode: Node?, packed: PackedRefs
  ) {
    self.context = context
    self.trees = trees
    self.head = head
    self.refs = refs
    self.packedNode = packedNode
    self.packed = packed
  }

  /// The object at the path of `name`, which begins with `refs` or is `HEAD`.
  func loose(at name: RefName) async throws -> Loose {
    if name == .head { return head.map { .file($0) } ?? .nothing }
    let path = name.path
    guard path.first == "refs", let refs else { return .nothing }
    var node = refs
    for component in path.dropFirst() {
      guard node.type == .dir, let child = try await trees.node(component, in: node.subtree) else { return .nothing }
      node = child
    }
    return node.type == .dir ? .directory(node.subtree) : .file(node)
  }

  /// The directory node at `path` below the repository's root.
  func directory(at path: [Name]) async throws -> Node? {
    guard path.first == "refs", var node = refs else { return nil }
    for component in path.dropFirst() {
      guard let child = try await trees.node(component, in: node.subtree) else { return nil }
      node = child
    }
    return node.type == .dir ? node : nil
  }

  /// The ref's value; nil if there is no such ref.
  func value(of name: RefName) async throws -> RefValue? {
    if case .file(let node) = try await loose(at: name) { return try await value(of: node) }
    return packed[name].map { .object($0.id) }
  }

  /// Whether there is a ref of that name.
  func contains(_ name: RefName) async throws -> Bool {
    if case .file = try await loose(at: name) { return true }
    return packed[name] != nil
  }

  /// The first ref in the folder `folder` that is not in `excluded`.
  func firstName(in folder: RefName, excluding excluded: Set<RefName>) async throws -> RefName? {
    if let name = packed.names(in: folder).first(where: { !excluded.contains($0) }) { return name }
    guard case .directory(let tree) = try await loose(at: folder) else { return nil }
    return try await firstName(in: tree, at: folder.path, excluding: excluded)
  }

  private func firstName(in tree: BlobID?, at path: [Name], excluding excluded: Set<RefName>) async throws -> RefName? {
    for node in try await trees.nodes(of: tree) {
      let path = path + [node.name]
      if node.type == .dir {
        if let name = try await firstName(in: node.subtree, at: path, excluding: excluded) { return name }
      } else if !excluded.contains(RefName(path: path)) {
        return RefName(path: path)
      }
    }
    return nil
  }

  private func value(of node: Node) async throws -> RefValue {
    switch node.type {
    case .file:
      guard let bytes = try await context.bytes(of: node, byteLimit: RefValue.byteLimit) else {
        return .opaque(node.content.flatMap(\.bytes))
      }
      return RefValue(file: bytes)
    case .symlink:
      // The first versions of git used links as symbolic refs; git still follows them.
      return node.linkTarget.starts(with: "refs/".utf8) ? .symbolic(RefName(node.linkTarget)) : .opaque(node.linkTarget)
    default:
      return .opaque(Array("\(node.type)".utf8))
    }
  }
}

/// The trees beneath `refs` of all sides: they are read repeatedly, and are mostly the same.
final class RefTreeCache {
  private let context: MergeContext
  private var trees: [BlobID: [Node]] = [:]
  private var packed: [[BlobID]: PackedRefs?] = [:]
  /// How many entries of trees and of `packed-refs` are held.
  private(set) var heldCount = 0

  init(_ context: MergeContext) {
    self.context = context
  }

  /// The entries of a tree beneath `refs` without locks, sorted by name.
  func nodes(of id: BlobID?) async throws -> [Node] {
    guard let id else { return [] }
    if let nodes = trees[id] { return nodes }
    let nodes = try await context.nodes(of: id).withoutInFlight(at: .references)
    trees[id] = nodes
    heldCount += nodes.count + 1
    return nodes
  }

  /// The content of a `packed-refs`; nil if it cannot be read.
  func packedRefs(_ node: Node) async throws -> PackedRefs? {
    if let known = packed[node.content] { return known }
    let refs = try await context.bytes(of: node, byteLimit: PackedRefs.byteLimit).flatMap { PackedRefs($0) }
    packed[node.content] = .some(refs)
    heldCount += refs?.entries.count ?? 0
    return refs
  }

  /// The entry of that name.
  func node(_ name: Name, in id: BlobID?) async throws -> Node? {
    let nodes = try await nodes(of: id)
    var (low, high) = (0, nodes.count)
    while low < high {
      let middle = (low + high) / 2
      if nodes[middle].name < name { low = middle + 1 } else { high = middle }
    }
    return low < nodes.count && nodes[low].name == name ? nodes[low] : nil
  }
}
