import Foundation
import ResticCore
import SystemPackage

@testable import ResticGitFS

/// Stores folders of the disk as trees, and restores them.
struct DiskTree {
  let fixture: MergeFixture

  /// The tree of a folder with all it holds.
  func store(_ folder: FilePath) async throws -> BlobID {
    var nodes: [Node] = []
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.string) {
      let path = folder.appending(name)
      let attributes = try FileManager.default.attributesOfItem(atPath: path.string)
      let mode = UInt32((attributes[.posixPermissions] as? NSNumber)?.intValue ?? 0)
      let mtime = (attributes[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
      let time = Timestamp(seconds: Int64(mtime), nanoseconds: 0)
      if attributes[.type] as? FileAttributeType == .typeDirectory {
        nodes.append(
          Node(name: Name(name), type: .dir, mode: 1 << 31 | mode, mtime: time, subtree: try await store(path)))
      } else {
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path.string)))
        var node = Node(name: Name(name), type: .file, mode: mode, mtime: time, size: UInt64(bytes.count))
        if !bytes.isEmpty { node.content = [try await fixture.uploader.add(bytes, type: .data)] }
        nodes.append(node)
      }
    }
    return try await fixture.uploader.add(Tree(nodes: nodes).encode(), type: .tree)
  }

  /// Writes a tree to a folder, which must not exist.
  func restore(_ tree: BlobID, to folder: FilePath) async throws {
    try FileManager.default.createDirectory(atPath: folder.string, withIntermediateDirectories: false)
    for node in try await fixture.repository.loadTree(tree).nodes {
      let path = folder.appending(String(decoding: node.name.bytes, as: UTF8.self))
      if let subtree = node.subtree {
        try await restore(subtree, to: path)
      } else {
        var bytes: [UInt8] = []
        for blob in node.content { bytes += try await fixture.repository.loadBlob(blob, type: .data) }
        try Data(bytes).write(to: URL(fileURLWithPath: path.string))
        try FileManager.default.setAttributes(
          [.posixPermissions: NSNumber(value: node.mode & 0o777)], ofItemAtPath: path.string)
      }
    }
  }
}
