import Glibc
import ResticTestSupport
import SystemPackage

@testable import ResticCore

/// Stores a folder as restic's backup would.
struct SourceUpload {
  let repository: Repository
  let uploader: Uploader

  init(_ repository: Repository) {
    self.repository = repository
    uploader = repository.makeUploader()
  }

  /// Saves a snapshot of the folder `path`.
  @discardableResult
  func commit(_ path: FilePath, time: Timestamp = .now()) async throws -> SavedSnapshot {
    let lock = try await RepositoryLock.acquire(on: repository, retryFor: .seconds(120))
    let root = try await add(folder: path)
    let tree = try await uploader.finish(root: root)
    try lock.validate()
    let saved = try await repository.saveSnapshot(
      Snapshot(
        time: time, tree: root, paths: [path.string], hostname: "ourhost", username: "ouruser", tags: ["ours"],
        programVersion: "restic-gitfs test"), of: tree)
    try await lock.release()
    return saved
  }

  private func add(folder path: FilePath) async throws -> BlobID {
    var tree = Tree()
    for name in try SourceTree.names(in: path) {
      tree.nodes.append(try await node(name, at: SourceTree.appending(path, name.bytes)))
    }
    return try await uploader.add(tree.encode(), type: .tree)
  }

  private func node(_ name: Name, at path: FilePath) async throws -> Node {
    let status = try SourceTree.status(path)
    func timestamp(_ time: timespec) -> Timestamp {
      Timestamp(seconds: Int64(time.tv_sec), nanoseconds: UInt32(time.tv_nsec))
    }
    var node = Node(
      name: name, type: SourceTree.type(status.st_mode), mode: SourceTree.goMode(status.st_mode),
      mtime: timestamp(status.st_mtim), atime: timestamp(status.st_atim), ctime: timestamp(status.st_ctim),
      uid: status.st_uid, gid: status.st_gid, user: "root", group: "root", inode: UInt64(status.st_ino),
      deviceID: UInt64(status.st_dev), links: UInt64(status.st_nlink),
      extendedAttributes: try FileAttributes.read(path))
    switch node.type {
    case .dir:
      node.links = 0
      node.subtree = try await add(folder: path)
    case .file:
      node.size = UInt64(status.st_size)
      for chunk in SourceComparison.chunks(try SourceTree.read(path), repository.chunker) {
        node.content.append(try await uploader.add(Array(chunk), type: .data))
      }
    case .symlink:
      node.linkTarget = try SourceTree.linkTarget(path)
    default:
      break
    }
    return node
  }
}
