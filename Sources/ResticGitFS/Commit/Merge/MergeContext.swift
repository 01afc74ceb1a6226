import ResticCore

/// The common state of one merge: reading and storing, the conflicts so far and the hard links that were changed.
///
/// Belongs to one task.
final class MergeContext {
  /// Where new trees and blobs go.
  let uploader: Uploader
  /// Names our versions that are kept.
  let label: ConflictLabel
  /// The conflicts so far.
  var conflicts: [MergeConflict] = []
  /// Which side changed which hard-linked files.
  var hardLinks = HardLinks()

  /// The repository with the three trees.
  var repository: Repository { uploader.repository }

  init(uploader: Uploader, label: ConflictLabel) {
    self.uploader = uploader
    self.label = label
  }

  /// The entries of the three directories, sorted by name; empty if a directory does not exist.
  func nodes(of ids: ThreeWay<BlobID?>) async throws -> ThreeWay<[Node]> {
    let repository = repository
    async let base = Self.nodes(of: ids.base, in: repository)
    async let theirs = Self.nodes(of: ids.theirs, in: repository)
    async let ours = Self.nodes(of: ids.ours, in: repository)
    return try await ThreeWay(base: base, theirs: theirs, ours: ours)
  }

  /// The entries of the three directories, without files in flight if the directories' place puts them at `position`:
  /// the git command that would have finished such a file is gone, or finishes it on a mount.
  func nodes(of ids: ThreeWay<BlobID?>, at position: BareRepository.Position) async throws -> ThreeWay<[Node]> {
    try await nodes(of: ids).map { $0.withoutInFlight(at: position) }
  }

  /// `node` without files in flight if it is a directory at `position`; any other node is returned unchanged.
  func withoutInFlight(_ node: Node, at position: BareRepository.Position) async throws -> Node {
    guard node.type == .dir, let tree = node.subtree else { return node }
    let all = try await nodes(of: tree)
    let nodes = all.withoutInFlight(at: position)
    if nodes.count == all.count { return node }
    var directory = node
    directory.subtree = try await store(nodes)
    return directory
  }

  /// The entries of a directory, sorted by name; empty if it does not exist.
  func nodes(of id: BlobID?) async throws -> [Node] {
    try await Self.nodes(of: id, in: repository)
  }

  private static func nodes(of id: BlobID?, in repository: Repository) async throws -> [Node] {
    guard let id else { return [] }
    return try await repository.loadTree(id).nodes
  }

  /// The bytes of a file; nil if there are more than `byteLimit`.
  func bytes(of node: Node, byteLimit: Int) async throws -> [UInt8]? {
    var byteCount = 0
    for id in node.content {
      guard let count = repository.blobByteCount(id, type: .data) else { throw RepositoryError.missingBlob(id) }
      byteCount += count
      if byteCount > byteLimit { return nil }
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(byteCount)
    for id in node.content { bytes += try await repository.loadBlob(id, type: .data) }
    return bytes
  }

  /// The tree of these entries, in any order.
  func store(_ nodes: [Node]) async throws -> BlobID {
    try await uploader.add(Tree(nodes: nodes).encode(), type: .tree)
  }

  /// `node` as a file without further names that holds `bytes`.
  func file(_ bytes: [UInt8], like node: Node) async throws -> Node {
    var file = node
    if file.type != .file {
      file = Node(
        name: node.name, type: .file, mode: 0o644, mtime: node.mtime, atime: node.atime, ctime: node.ctime,
        uid: node.uid,
        gid: node.gid, user: node.user, group: node.group)
    }
    if file.links > 1 {
      file.links = 1
      file.inode = 0
    }
    file.size = UInt64(bytes.count)
    file.content = []
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { repository.chunker.firstCut(in: $0) } ?? rest.count
      file.content.append(try await uploader.add(Array(rest.prefix(count)), type: .data))
      rest = rest.dropFirst(count)
    }
    return file
  }

  /// `node` as a directory with this tree, or nil if there is none.
  func directory(_ node: Node, _ tree: BlobID?) -> Node? {
    guard let tree else { return nil }
    if node.subtree == tree { return node }
    var directory = node
    directory.subtree = tree
    return directory
  }
}
