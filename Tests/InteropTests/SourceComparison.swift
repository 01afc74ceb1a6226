import Glibc
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

/// Compares a stored tree with the folder it was made from: every entry, every byte.
struct SourceComparison {
  let repository: Repository
  /// Whether every tree is to be encoded again, byte by byte.
  var checksEncoding = true
  private(set) var nodeCount = 0

  init(_ repository: Repository) {
    self.repository = repository
  }

  /// Records an issue for everything in which the tree `id` and the folder `path` differ.
  mutating func compare(_ id: BlobID, with path: FilePath) async throws {
    let stored = try await repository.loadBlob(id, type: .tree)
    let tree = try Tree.decode(stored)
    if checksEncoding { #expect(tree.encode() == stored, "tree \(id) of \(path)") }
    #expect(tree.nodes.map(\.name) == (try SourceTree.names(in: path)), "the entries of \(path)")
    for node in tree.nodes {
      try await compare(node, with: SourceTree.appending(path, node.name.bytes))
    }
  }

  private mutating func compare(_ node: Node, with path: FilePath) async throws {
    nodeCount += 1
    let status = try SourceTree.status(path)
    #expect(node.type == SourceTree.type(status.st_mode), "\(path)")
    #expect(node.mode == SourceTree.goMode(status.st_mode), "\(path)")
    #expect(node.uid == status.st_uid && node.gid == status.st_gid, "\(path)")
    #expect(node.mtime.seconds == Int64(status.st_mtim.tv_sec), "\(path)")
    #expect(node.mtime.nanoseconds == UInt32(status.st_mtim.tv_nsec), "\(path)")
    #expect(node.inode == UInt64(status.st_ino), "\(path)")
    let attributes = try FileAttributes.read(path)
    #expect(Set(node.extendedAttributes) == Set(attributes), "\(path)")
    switch node.type {
    case .dir:
      try await compare(try #require(node.subtree), with: path)
    case .file:
      #expect(node.size == UInt64(status.st_size), "\(path)")
      #expect(node.links == UInt64(status.st_nlink), "\(path)")
      let bytes = try SourceTree.read(path)
      #expect(node.content == Self.chunkIDs(bytes, repository.chunker), "chunks of \(path)")
      var offset = 0
      for id in node.content {
        let blob = try await repository.loadBlob(id, type: .data)
        #expect(blob.elementsEqual(bytes.dropFirst(offset).prefix(blob.count)), "\(path) at \(offset)")
        offset += blob.count
      }
      #expect(offset == bytes.count, "\(path)")
    case .symlink:
      #expect(node.linkTarget == (try SourceTree.linkTarget(path)), "\(path)")
    default:
      #expect(node.content.isEmpty, "\(path)")
    }
  }

  /// The blobs that our chunker cuts `bytes` into.
  static func chunkIDs(_ bytes: [UInt8], _ chunker: Chunker) -> [BlobID] {
    chunks(bytes, chunker).map { SHA256.id(of: Array($0)) }
  }

  static func chunks(_ bytes: [UInt8], _ chunker: Chunker) -> [ArraySlice<UInt8>] {
    var chunks: [ArraySlice<UInt8>] = []
    var start = 0
    while start < bytes.count {
      let length = bytes[start...].withUnsafeBytes { chunker.firstCut(in: $0) } ?? bytes.count - start
      chunks.append(bytes[start..<start + length])
      start += length
    }
    return chunks
  }
}
