import Logging
import ResticCore
import SystemPackage

/// Reads the files of a tree: their extents under the tree's lock, and the bytes without it, from memory, the blob cache or
/// the repository.
///
/// Thread-safe; `readAhead` is a leaf lock. Its methods are for FUSE's threads.
final class FileReader: Sendable {
  /// The tree.
  let tree: WorkingTree
  /// The repository that the tree comes from.
  let repository: Repository
  /// Where bytes that are stored come from.
  let blobs: BlobReader
  private let readAhead: Locked<ReadAhead>
  private let logger: Logger

  /// A reader of the files of `tree`.
  init(
    tree: WorkingTree, repository: Repository, blobs: BlobReader,
    readAheadByteCount: Int = MemoryBudget.standard.readAheadByteCount, logger: Logger
  ) {
    self.tree = tree
    self.repository = repository
    self.blobs = blobs
    readAhead = Locked(ReadAhead(windowByteCount: readAheadByteCount))
    self.logger = logger
  }

  /// The bytes of a regular file in `range`, as far as it has them.
  func bytes(of inode: InodeNumber, in range: Range<UInt64>) throws(Errno) -> ArraySlice<UInt8> {
    let next = readAhead.withLock { $0.next(after: range, of: inode) }
    let (slices, following) = try tree.read("read") { namespace throws(NamespaceError) in
      let extents = try namespace.extents(of: inode)
      return (extents.slices(in: range), next.map { extents.slices(in: $0) } ?? [])
    }
    if !following.isEmpty { blobs.prepare(following) }
    if let bytes = blobs.cachedBytes(of: slices) { return bytes }
    prepareSmallFiles(after: inode)
    return try logger.waiting(for: "read", of: inode) { [blobs] in try await blobs.bytes(of: slices) }
  }

  /// Has the small files that follow a small one brought with it: who reads one of many, as git its refs, reads the next ones,
  /// and one request brings them all.
  private func prepareSmallFiles(after inode: InodeNumber) {
    prepare(tree.read { $0.smallFiles(after: inode) })
  }

  /// Has the small files of the root brought, where that takes a while, and does not wait for them: git reads them first.
  func prepareSmallFilesOfRoot() {
    guard repository.backend.isDistant else { return }
    prepare(
      tree.read { namespace in
        // The root is loaded.
        let children = (try? namespace.children(of: Namespace.root)) ?? [:]
        guard let first = children.values.min() else { return [] }
        return namespace.smallFiles(from: first, in: Namespace.root)
      })
  }

  private func prepare(_ nodes: [Node]) {
    // This only loads ahead. A node whose content is not known says so when it is read.
    let slices = nodes.flatMap { node in (try? repository.listedExtents(of: node))?.slices(in: 0..<node.size) ?? [] }
    if !slices.isEmpty { blobs.prepare(slices) }
  }
}
