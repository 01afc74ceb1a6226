import Logging
import ResticCore
import SystemPackage

/// Reads the files of a tree: their extents under the tree's lock, and their bytes without the lock, from memory, the
/// blob cache or the repository.
///
/// Thread-safe; `readAhead` is a leaf lock. Its methods are for FUSE's threads.
final class FileReader: Sendable {
  /// The tree.
  let tree: WorkingTree
  /// The repository that the tree comes from.
  let repository: Repository
  /// The source of stored bytes.
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

  /// The bytes of a regular file in `range`, as far as the file reaches.
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

  /// Loads the small files that follow a small one together with it: a program that reads one of many, as git reads
  /// refs, reads the next ones too, and one request loads them all.
  private func prepareSmallFiles(after inode: InodeNumber) {
    prepare(tree.read { $0.smallFiles(after: inode) })
  }

  /// Begins to load the small files of the root, if loading is slow, without waiting: git reads them first.
  func prepareSmallFilesOfRoot() {
    guard repository.backend.isDistant else { return }
    prepare(
      tree.read { namespace in
        // The root is always loaded.
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
