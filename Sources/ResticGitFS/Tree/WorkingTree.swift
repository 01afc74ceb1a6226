import ResticCore
import SystemPackage

/// The tree that a mount serves and commits: a `Namespace` under its lock, and the loading of what the namespace needs.
///
/// It has three entrances. `read` reads. `perform` changes the content of the next snapshot. `bookkeep` records what
/// the kernel knows, what is loaded, and what a commit or a refresh has done to the tree.
///
/// Lock order: `namespace` first, then the leaf locks of code that is called under it; never the other way, and never
/// held during loading or while the kernel gets an answer. Methods that may load block, and are for FUSE's threads.
final class WorkingTree: Sendable {
  private let namespace: Locked<Namespace>
  private let source: any TreeSource
  private let observer: (any ChangeObserver)?
  private let listener = Locked<Listener?>(nil)
  private let inodeLimit = Locked<InodeLimit?>(nil)
  private let inodeBudget = Locked<InodeBudget?>(nil)
  private let directoryLoads = DirectoryLoads()

  /// A closure in a struct: as the lock's state itself, a closure is wrapped once more by every access, until a call of
  /// it overflows the stack.
  private struct Listener {
    let call: @Sendable () -> Void
  }

  /// A tree of `namespace`; `source` loads missing parts. `observer` observes each change.
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

  /// Once there are more inodes than `limit` allows, no more directories are loaded in search of a file's names.
  func limitInodes(to limit: InodeLimit) {
    inodeLimit.withLock { $0 = limit }
  }

  // MARK: Letting go

  /// From now on, unneeded inodes are unloaded while there are more than `budget` allows.
  func keepInodes(to budget: InodeBudget) {
    inodeBudget.withLock { $0 = budget }
  }

  /// Unloads some unneeded inodes, if there are too many: examines about twice `entryCount` entries, so that calling
  /// this for each `entryCount` new inodes keeps their number constant. From any thread that holds no lock.
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

  /// The result of `body` for the tree at this instant; loads nothing.
  func read<Result>(_ body: (borrowing Namespace) -> sending Result) -> sending Result {
    namespace.withLock { namespace in body(namespace) }
  }

  /// The result of `body` for the tree; `body` is called again after each loading that it needs. `operation` is for
  /// messages.
  func read<Result>(
    _ operation: StaticString, _ body: (borrowing Namespace) throws(NamespaceError) -> sending Result
  ) throws(Errno) -> sending Result {
    try loading(for: operation) { namespace throws(NamespaceError) in try body(namespace) }
  }

  // MARK: Changing

  /// Applies `change`, unless `check` throws, and returns the result of `note` for the changed tree. All of this
  /// happens at one instant, which is also the change's time unless `time` is given.
  ///
  /// `note` gets the change's inode (`Namespace.apply`), may do bookkeeping, and must not need anything to be loaded.
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

  /// Applies `change`, unless `check` throws.
  func perform(
    _ change: TreeChange, at time: Timestamp? = nil,
    checking check: (borrowing Namespace) throws(NamespaceError) -> Void = { _ throws(NamespaceError) in }
  ) throws(Errno) {
    try perform(change, at: time, checking: check) { _, _ throws(NamespaceError) in }
  }

  // MARK: Bookkeeping

  /// Lets `body` record what is not a change of the tree: lookups, open files, loaded and stored parts. Loads nothing.
  func bookkeep<Result>(_ body: (inout sending Namespace) -> sending Result) -> sending Result {
    namespace.withLock(body)
  }

  /// As `bookkeep(_:)`; `body` is called again after each loading that it needs, so it must say what it needs before it
  /// records anything.
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
      case .entries(let directory):
        try directoryLoads.run(directory) { () throws(TreeSourceError) in
          try loadEntries(of: directory, for: operation)
        }
      case .extents(let file): try loadExtents(of: file, for: operation)
      case .names(let file): try loadNames(of: file, for: operation)
      }
    } catch {
      throw error.errno
    }
  }

  /// Loads all directories, because each may hold a further name of `file`. Throws EPERM if they hold more than the
  /// limit.
  private func loadNames(of file: InodeNumber, for operation: StaticString) throws(TreeSourceError) {
    let limit = inodeLimit.withLock { $0 }
    bookkeep { $0.holdsOnDirectories += 1 }
    defer { bookkeep { $0.holdsOnDirectories -= 1 } }
    while true {
      let directories = read { $0.unloadedDirectories }
      if directories.isEmpty { break }
      for directory in directories {
        // A few stored trees may show more directories than fit into memory.
        if let limit, let errno = read({ limit.refusal(of: $0) }) {
          throw TreeSourceError(errno: errno, isDamage: false)
        }
        try loadNames(in: directory, for: operation)
      }
    }
    bookkeep { $0.settleLinkCount(file) }
  }

  /// Loads a directory, or records that it is unreadable: damage must not prevent changes of other files. A failing
  /// storage is an error, because the directory may be readable later.
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
    // Another thread may have loaded the directory meanwhile. One that is gone is refused at the next try.
    guard let node = read({ $0.isUnloaded(directory) ? $0.inodes[directory]?.node : nil }) else { return }
    let id = node.subtree
    let tree = try source.tree(id, of: directory, for: operation)
    letGo(for: tree.nodes.count)
    bookkeep { namespace in
      // A refresh may have given the directory another tree meanwhile, which the caller's next try loads: otherwise the
      // entries of the old tree would count as those of the new one, and the next commit would delete what others have
      // added.
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
  /// The system call of a request, for messages.
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
