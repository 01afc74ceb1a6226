import Foundation
import ResticCore
import ResticTestSupport

@testable import ResticGitFS

/// A repository in memory, and trees in it written as paths with contents.
struct MergeFixture: Sendable {
  /// Where the trees are.
  let repository: Repository
  /// Holds everything that tests store; never finished, so that it can be used again and again.
  let uploader: Uploader

  static let label = ConflictLabel(host: "here", time: Timestamp(seconds: 1_767_323_045, nanoseconds: 0))
  /// The suffix that `label` adds to a file's name.
  static let suffix = ".conflict-here-20260102T030405Z"
  /// Where `label` puts refs.
  static let conflicts = "refs/conflicts/here/20260102T030405Z"

  /// The seeds in RESTIC_GITFS_MERGE_SEEDS (`FIRST-LAST`), else these.
  static func seeds(_ usual: Range<UInt64>) -> [UInt64] {
    let wanted = ProcessInfo.processInfo.environment["RESTIC_GITFS_MERGE_SEEDS"] ?? ""
    let bounds = wanted.split(separator: "-").compactMap { UInt64($0) }
    return bounds.count == 2 && bounds[0] <= bounds[1] ? Array(bounds[0]...bounds[1]) : Array(usual)
  }

  init() async throws {
    repository = try await TestMount.makeRepository()
    uploader = repository.makeUploader()
  }

  /// The merge of three trees.
  func merge(_ base: FileTree?, _ theirs: FileTree, _ ours: FileTree) async throws -> (
    files: FileTree, result: MergeResult
  ) {
    let result = try await merge(
      base: base == nil ? nil : store(base ?? [:]), theirs: store(theirs), ours: store(ours))
    return (try await load(result.root), result)
  }

  /// The merge of three stored trees.
  func merge(
    base: BlobID?, theirs: BlobID, ours: BlobID, label: ConflictLabel = label
  ) async throws -> MergeResult {
    try await TreeMerge(uploader: uploader, label: label).merge(base: base, theirs: theirs, ours: ours)
  }

  /// Stores a tree.
  func store(_ files: FileTree) async throws -> BlobID {
    try await store(
      files.entries.map { (path: $0.key.split(separator: "/").map { Name(String($0)) }, entry: $0.value) }[...])
  }

  private func store(_ files: ArraySlice<(path: [Name], entry: FileTree.Entry)>) async throws -> BlobID {
    var nodes: [Node] = []
    for (name, files) in Dictionary(grouping: files, by: { $0.path[0] }) {
      if let file = files.first(where: { $0.path.count == 1 }), files.count == 1 {
        nodes.append(try await node(file.entry, name))
      } else {
        let inner = files.filter { $0.path.count > 1 }.map { (path: Array($0.path.dropFirst()), entry: $0.entry) }
        var directory = Node(name: name, type: .dir, mode: 1 << 31 | 0o755, subtree: try await store(inner[...]))
        if let entry = files.first(where: { $0.path.count == 1 })?.entry { entry.apply(to: &directory) }
        nodes.append(directory)
      }
    }
    return try await uploader.add(Tree(nodes: nodes).encode(), type: .tree)
  }

  private func node(_ entry: FileTree.Entry, _ name: Name) async throws -> Node {
    var node: Node
    switch entry.kind {
    case .file(let bytes):
      node = Node(name: name, type: .file, mode: 0o644, size: UInt64(bytes.count))
      if !bytes.isEmpty { node.content = [try await uploader.add(bytes, type: .data)] }
    case .link(let target):
      node = Node(name: name, type: .symlink, mode: 1 << 27 | 0o777, linkTarget: Array(target.utf8))
    case .directory:
      node = Node(name: name, type: .dir, mode: 1 << 31 | 0o755, subtree: try await store([][...]))
    }
    entry.apply(to: &node)
    return node
  }

  /// The content of a stored tree. Only empty directories are entries.
  func load(_ id: BlobID) async throws -> FileTree {
    var files: FileTree = [:]
    try await load(id, at: "", into: &files)
    return files
  }

  private func load(_ id: BlobID, at path: String, into files: inout FileTree) async throws {
    for node in try await repository.loadTree(id).nodes {
      let path = path + String(decoding: node.name.bytes, as: UTF8.self)
      switch node.type {
      case .dir:
        guard let subtree = node.subtree else { continue }
        if try await repository.loadTree(subtree).nodes.isEmpty {
          files[path] = .directory
        } else {
          try await load(subtree, at: path + "/", into: &files)
        }
      case .symlink:
        files[path] = FileTree.Entry(.link(String(decoding: node.linkTarget, as: UTF8.self)), like: node)
      default:
        var bytes: [UInt8] = []
        for blob in node.content { bytes += try await repository.loadBlob(blob, type: .data) }
        files[path] = FileTree.Entry(.file(bytes), like: node)
      }
    }
  }
}
