import ResticCore
import SystemPackage

/// The tree that a mount serves and commits: a `Namespace` under its lock, and the loading of what it needs.
///
/// It has three doors. `read` looks. `perform` changes what the next snapshot holds. `bookkeep` notes what the kernel knows,
/// what is loaded, and what a commit or a refresh has made of the tree.
///
/// Lock order: `namespace` first, then the leaf locks of what is called under it; never the other way, and never held while
/// something is loaded or the kernel is answered. The methods that may load block, and are for FUSE's threads.
final class WorkingTree: Sendable {
  private let namespace: Locked<Namespace>
  private let source: any TreeSource
  private let observer: (any ChangeObserver)?
  private let listener = Locked<Listener?>(nil)
  private let inodeLimit = Locked<InodeLimit?>(nil)
  private let inodeBudget = Locked<InodeBudget?>(nil)

  /// A closure in a struct: one that is the lock's state itself is wrapped once more by every access, until a call of it
  /// overflows the stack.
  private struct Listener {
    let call: @Sendable () -> Void
  }

  /// A tree of `namespace`; what that has not loaded comes from `source`. `observer` is told of each change.
  init(
    _ namespace: consuming sending Namespace, source: any TreeSource, observer: (any ChangeObserver)? = nil
  ) {
    self.namespace = Locked(namespace)
    self.source = source
    self.observer = observer
  }

  /// Calls `listener` after each change, on the thread that made it, with no lock held.
  func onChange(_ listener: @escaping @Sendable () -> Void) {
    self.listener.withLock { $0 = Listener(call: listener) }
  }

  /// Loads no more directories on its own, in search of a file's names, once there are more inodes than `limit` allows.
  func limitInodes(to limit: InodeLimit) {
    inodeLimit.withLock { $0 = limit }
  }

  // MARK: Letting go

  /// From now on inodes that nobody needs are let go while there are more than `budget` has room for.
  func keepInodes(to budget: InodeBudget) {
    inodeBudget.withLock { $0 = budget }
  }

  /// Lets go of some inodes that nobody needs, if there are too many: of about as many as `entryCount`, times two, so that who calls this
  /// for each so many new inodes keeps their number where it is. From any thread that holds no lock.
  func letGo(for entryCount: Int) {
    guard let budget = inodeBudget.withLock({ $0 }) else { return }
    let known = bookkeep { namespace -> [InodeNumber] in
      guard namespace.inodes.count > budget.count else { return [] }
      let release = namespace.letGo(examining: max(entryCount * 2, InodeBudget.leastStep), mounter: budget.mounter)
      if release.count > 0 { namespace.shrink() }
      return namespace.inodes.count > budget.count ? release.known : []
    }
    if !known.isEmpty { budget.forget(known) }
  }

  // MARK: Looking

  /// What `body` tells of the tree as it is at this instant; loads nothing.
  func read<Result>(_ body: (borrowing Namespace) -> sending Result) -> sending Result {
    namespace.withLock { namespace in body(namespace) }
  }

  /// What `body` tells of the tree; `body` is called again after each thing that had to be loaded. `operation` is for messages.
  func read<Result>(
    _ operation: StaticString, _ body: (borrowing Namespace) throws(NamespaceError) -> sending Result
  ) throws(Errno) -> sending Result {
    try loading(for: operation) { namespace throws(NamespaceError) in try body(namespace) }
  }

  // MARK: Changing

  /// Makes `change`, unless `check` throws, and returns what `note` tells of the tree with the change in it. All that happens
  /// at one instant, at which time the change is dated unless `time` is given.
  ///
  /// `note` is given the inode that the change is about (`Namespace.apply`), may keep the books, and needs nothing loaded.
  func perform<Result>(
    _ change: TreeChange, at time: Timestamp? = nil,
    checking check: (borrowing Namespace) throws(NamespaceError) -> Void = { _ throws(NamespaceError) in },
    then note: (inout sending Namespace, InodeNumber) throws(NamespaceError) -> sending Result
  ) throws(Errno) -> sending Result {
    let result = try loading(for: change.operation) { [observer] namespace throws(NamespaceError) in
      try check(namespace)
      let time = time ?? .now()
      let inode = try namespace.apply(change, at: time)
      observer?.applied(change, to: inode, at: time)
      do throws(NamespaceError) {
        return try note(&namespace, inode)
      } catch .needs {
        preconditionFailure("a change that is made must not be made again")
      }
    }
    listener.withLock { $0 }?.call()
    return result
  }

  /// Makes `change`, unless `check` throws.
  func perform(
    _ change: TreeChange, at time: Timestamp? = nil,
    checking check: (borrowing Namespace) throws(NamespaceError) -> Void = { _ throws(NamespaceError) in }
  ) throws(Errno) {
    try perform(change, at: time, checking: check) { _, _ throws(NamespaceError) in }
  }

  // MARK: Bookkeeping

  /// Lets `body` note what is no change of the tree: lookups, open files, what is loaded, what is stored. Loads nothing.
  func bookkeep<Result>(_ body: (inout sending Namespace) -> sending Result) -> sending Result {
    namespace.withLock(body)
  }

  /// As `bookkeep(_:)`; `body` is called again after each thing that had to be loaded, so it says what it needs before it notes
  /// anything.
  func bookkeep<Result>(
    _ operation: StaticString, _ body: (inout sending Namespace) throws(NamespaceError) -> sending Result
  ) throws(Errno) -> sending Result {
    try loading(for: operation, body)
  }

  // MARK: Loading

  private func loading<Result>(
    for operation: StaticString, _ body: (inout sending Namespace) throws(NamespaceError) -> sending Result
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

  private func load(_ need: NamespaceError.Need, for operation: StaticString) throws(Errno) {
    do throws(TreeSourceError) {
      switch need {
      case .entries(let directory): try loadEntries(of: directory, for: operation)
      case .extents(let file): try loadExtents(of: file, for: operation)
      case .names(let file): try loadNames(of: file, for: operation)
      }
    } catch {
      throw error.errno
    }
  }

  /// Loads all directories, since each may hold a further name of `file`. Throws EPERM where they hold more than the limit.
  private func loadNames(of file: InodeNumber, for operation: StaticString) throws(TreeSourceError) {
    let limit = inodeLimit.withLock { $0 }
    bookkeep { $0.holdsOnDirectories += 1 }
    defer { bookkeep { $0.holdsOnDirectories -= 1 } }
    while true {
      let directories = read { $0.unloadedDirectories }
      if directories.isEmpty { break }
      for directory in directories {
        // A few trees that are stored once may show more directories than any memory holds.
        if let limit, let errno = read({ limit.refusal(of: $0) }) {
          throw TreeSourceError(errno: errno, isDamage: false)
        }
        try loadNames(in: directory, for: operation)
      }
    }
    bookkeep { $0.settleLinkCount(file) }
  }

  /// Loads a directory, or notes that it can't be read: what is damaged does not keep other files from being changed. A
  /// storage that fails is an error, since the directory may be readable later.
  private func loadNames(in directory: InodeNumber, for operation: StaticString) throws(TreeSourceError) {
    guard let id = read({ $0.unloadedTree(of: directory) }) else {
      return bookkeep { $0.noteUnreadable(directory) }
    }
    var tree: Tree?
    do throws(TreeSourceError) {
      tree = try source.tree(id, of: directory, for: operation)
    } catch  where error.isDamage {
    }
    let found = tree
    bookkeep { namespace in
      guard namespace.unloadedTree(of: directory) == id else { return }
      if let found { namespace.install(found, in: directory) } else { namespace.noteUnreadable(directory) }
    }
  }

  private func loadEntries(of directory: InodeNumber, for operation: StaticString) throws(TreeSourceError) {
    // One that is gone is refused at the next try.
    guard let node = read({ $0.inodes[directory]?.node }) else { return }
    let id = node.subtree
    let tree = try source.tree(id, of: directory, for: operation)
    letGo(for: tree.nodes.count)
    bookkeep { namespace in
      // A refresh may have given the directory another tree meanwhile, which the caller's next try loads: the entries of the
      // old one would count as what is in the new one, and the next commit would delete what others have added.
      if namespace.inodes[directory]?.node.subtree == id { namespace.install(tree, in: directory) }
    }
  }

  private func loadExtents(of file: InodeNumber, for operation: StaticString) throws(TreeSourceError) {
    guard let node = read({ $0.inodes[file]?.node }) else { return }
    let extents = try source.extents(of: node, file, for: operation)
    bookkeep { $0.install(extents, of: file, from: node) }
  }
}

extension TreeChange {
  /// The system call that asks for it, for messages.
  fileprivate var operation: StaticString {
    switch self {
    case .create(let new, _, _):
      switch new.type {
      case .file: "create"
      case .dir: "mkdir"
      case .symlink: "symlink"
      case .dev, .chardev, .fifo, .socket, .other: "mknod"
      }
    case .link: "link"
    case .unlink: "unlink"
    case .removeDirectory: "rmdir"
    case .rename: "rename"
    case .write: "write"
    case .allocate: "fallocate"
    case .setAttributes: "setattr"
    case .setExtendedAttribute: "setxattr"
    case .removeExtendedAttribute: "removexattr"
    }
  }
}
