import Dispatch
import FuseBridge
import Logging
import ResticCore
import SystemPackage

/// The tree that a mount serves and commits: a `Namespace` under its lock, and the loading of what it needs.
///
/// Lock order: `namespace` first, then the leaf locks of `Repository`'s index; never the other way, and never held while
/// something is loaded or the kernel is answered. Its blocking methods are for FUSE's threads.
final class WorkingTree: Sendable {
  /// The mounted repository.
  let repository: Repository
  /// Where file content comes from.
  let reader: BlobReader
  private let namespace: Locked<Namespace>
  private let readAhead: Locked<ReadAhead>
  private let listener = Locked<Listener?>(nil)
  private let inodeLimit = Locked<InodeLimit?>(nil)
  private let logger: Logger

  /// A closure in a struct: one that is the lock's state itself is wrapped once more by every access, until a call of it
  /// overflows the stack.
  private struct Listener {
    let call: @Sendable () -> Void
  }

  /// A tree of `namespace`, which stands for a snapshot in `repository`.
  init(
    _ namespace: consuming sending Namespace, repository: Repository, reader: BlobReader,
    readAheadByteCount: Int = MemoryBudget.standard.readAheadByteCount, logger: Logger
  ) {
    self.namespace = Locked(namespace)
    readAhead = Locked(ReadAhead(windowByteCount: readAheadByteCount))
    self.repository = repository
    self.reader = reader
    self.logger = logger
  }

  /// Calls `listener` after each change, on the thread that made it, with no lock held.
  func onChange(_ listener: @escaping @Sendable () -> Void) {
    self.listener.withLock { $0 = Listener(call: listener) }
  }

  /// Loads no more directories on its own, in search of a file's names, once there are more inodes than `limit` allows.
  func limitInodes(to limit: InodeLimit) {
    inodeLimit.withLock { $0 = limit }
  }

  /// The result of `body`, which only looks; it is called again after each thing that had to be loaded.
  func read<Result>(
    _ operation: StaticString, _ body: (inout sending Namespace) throws(NamespaceError) -> sending Result
  ) throws(Errno) -> sending Result {
    while true {
      do {
        return try namespace.withLock(body)
      } catch {
        switch error {
        case .refused(let errno): throw errno
        case .needs(let need): try load(need, for: operation)
        }
      }
    }
  }

  /// As `read(_:_:)`, for a body that changes the tree.
  func change<Result>(
    _ operation: StaticString, _ body: (inout sending Namespace) throws(NamespaceError) -> sending Result
  ) throws(Errno) -> sending Result {
    let result = try read(operation, body)
    listener.withLock { $0 }?.call()
    return result
  }

  /// The state at this instant, or what `body` tells of it; never loads anything.
  func inspect<Result>(_ body: (inout sending Namespace) -> sending Result) -> sending Result {
    namespace.withLock(body)
  }

  /// The bytes of a regular file in `range`, as far as it has them.
  func bytes(of inode: InodeNumber, in range: Range<UInt64>) throws(Errno) -> ArraySlice<UInt8> {
    let next = readAhead.withLock { $0.next(after: range, of: inode) }
    let (slices, following) = try read("read") { namespace throws(NamespaceError) in
      let extents = try namespace.extents(of: inode)
      return (extents.slices(in: range), next.map { extents.slices(in: $0) } ?? [])
    }
    if !following.isEmpty { reader.prepare(following) }
    if let bytes = reader.cachedBytes(of: slices) { return bytes }
    prepareSmallFiles(after: inode)
    return try wait(for: "read", of: inode) { [reader] in try await reader.bytes(of: slices) }
  }

  /// Has the small files that follow a small one brought with it: who reads one of many, as git its refs, reads the next ones,
  /// and one request brings them all.
  private func prepareSmallFiles(after inode: InodeNumber) {
    let nodes = inspect { $0.smallFiles(after: inode) }
    let slices = nodes.flatMap { node in (try? repository.listedExtents(of: node))?.slices(in: 0..<node.size) ?? [] }
    if !slices.isEmpty { reader.prepare(slices) }
  }

  // MARK: Loading

  private func load(_ need: NamespaceError.Need, for operation: StaticString) throws(Errno) {
    switch need {
    case .entries(let directory): try loadEntries(of: directory, for: operation)
    case .extents(let file): try loadExtents(of: file, for: operation)
    case .names(let file): try loadNames(of: file, for: operation)
    }
  }

  /// Loads all directories, since each may hold a further name of `file`. Throws EPERM where they hold more than the limit.
  private func loadNames(of file: InodeNumber, for operation: StaticString) throws(Errno) {
    let limit = inodeLimit.withLock { $0 }
    while true {
      let directories = inspect { $0.unloadedDirectories }
      if directories.isEmpty { break }
      for directory in directories {
        // A few trees that are stored once may show more directories than any memory holds.
        if let limit { try require(limit) }
        try loadNames(in: directory, for: operation)
      }
    }
    inspect { $0.settleLinkCount(file) }
  }

  private func require(_ limit: InodeLimit) throws(Errno) {
    try namespace.withLock { namespace throws(Errno) in try limit.require(namespace) }
  }

  /// Loads a directory, or notes that it can't be read: what is damaged does not keep other files from being changed. A
  /// storage that fails is an error, since the directory may be readable later.
  private func loadNames(in directory: InodeNumber, for operation: StaticString) throws(Errno) {
    guard let id = inspect({ $0.unloadedTree(of: directory) }) else {
      return inspect { $0.noteUnreadable(directory) }
    }
    let tree: Tree? = try wait(for: operation, of: directory) { [repository, logger] in
      do {
        return try await repository.loadTree(id)
      } catch let error as RepositoryError where error.isDamage {
        logger.error("\(operation): the names in directory inode \(directory) can't be read: \(error)")
        return nil
      }
    }
    inspect { namespace in
      guard namespace.unloadedTree(of: directory) == id else { return }
      if let tree { namespace.install(tree, in: directory) } else { namespace.noteUnreadable(directory) }
    }
  }

  private func loadEntries(of directory: InodeNumber, for operation: StaticString) throws(Errno) {
    guard let id = inspect({ $0.inodes[directory]?.node.subtree }) else {
      logger.error("\(operation): directory inode \(directory) has no tree")
      throw .ioError
    }
    let tree = try wait(for: operation, of: directory) { [repository] in try await repository.loadTree(id) }
    inspect { namespace in
      // A refresh may have given the directory another tree meanwhile, which the caller's next try loads: the entries of the
      // old one would count as what is in the new one, and the next commit would delete what others have added.
      if namespace.inodes[directory]?.node.subtree == id { namespace.install(tree, in: directory) }
    }
  }

  private func loadExtents(of file: InodeNumber, for operation: StaticString) throws(Errno) {
    guard let node = inspect({ $0.inodes[file]?.node }) else { return }
    let extents: ExtentMap
    // Mostly there is nothing to wait for, and to wait for another thread takes longer than to look.
    if let listed = try? repository.listedExtents(of: node) {
      extents = listed
    } else {
      extents = try wait(for: operation, of: file) { [repository] in try await repository.extents(of: node) }
    }
    inspect { $0.install(extents, of: file, from: node) }
  }

  /// Waits for `body`; the one place where a repository's errors become the kernel's.
  func wait<Success: Sendable>(
    for operation: StaticString, of inode: InodeNumber, _ body: @escaping @Sendable () async throws -> Success
  ) throws(Errno) -> Success {
    do {
      return try blocking(body)
    } catch Errno.interrupted {
      throw .interrupted
    } catch {
      logger.error("\(operation) of inode \(inode): \(error)")
      throw Errno(cause: error)
    }
  }
}

extension RepositoryError {
  /// Whether something stored is not what it should be, so that to ask again is of no use.
  fileprivate var isDamage: Bool {
    switch self {
    case .damaged, .missingBlob, .tooLarge: true
    case .noRepository, .otherRepository, .alreadyInitialized, .wrongPassword, .locked, .lockLost, .unsupportedVersion,
      .noSnapshot, .unstorableTime, .cancelled, .backend:
      false
    }
  }
}
