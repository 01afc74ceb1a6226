import FuseBridge
import Glibc
import Logging
import ResticCore
import ResticTestSupport
import SystemPackage

@testable import ResticGitFS

/// A mount without a kernel: the file system, tree and committer over a repository in memory, driven by calls.
struct TestMount: Sendable {
  let repository: Repository
  let tree: WorkingTree
  let coordinator: CommitCoordinator
  let lockKeeper: LockKeeper
  /// Of no kernel, until a test attaches one.
  let kernelCache: KernelCache
  let fileSystem: GitFileSystem

  static let password = Array("correct horse".utf8)

  /// A new repository in memory.
  static func makeRepository(on backend: any Backend = MemoryBackend()) async throws -> Repository {
    var settings = Repository.Settings()
    settings.scryptCost = .minimum
    var password = password
    return try await Repository.create(on: backend, password: SecureBytes(wiping: &password), settings: settings)
  }

  /// Opens a repository again, as another process would.
  static func openRepository(on backend: any Backend) async throws -> Repository {
    var password = password
    let repository = try await Repository.open(on: backend, password: SecureBytes(wiping: &password))
    try await repository.loadIndex()
    return repository
  }

  /// Mounts the newest snapshot that matches `filter`, or an empty root if there is none.
  ///
  /// `isForOneProgram` is as in `MountConfiguration`; `clock` is the machine's, and `kernelClock` measures waits for the kernel.
  init(
    _ repository: Repository, filter: SnapshotFilter = SnapshotFilter(), memory: MemoryBudget = .standard,
    isForOneProgram: Bool = false, rules: ServingRules = .everything, keeping policy: RetentionPolicy? = nil,
    committer: any FileSystemCommitter = NoCommitter(), watchesRollback: Bool = false,
    clock: LockClock = .system, kernelClock: any Clock<Duration> = ContinuousClock()
  ) async throws {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let base = try await repository.latestSnapshot(matching: filter)
    try await repository.loadIndex()
    var root: Tree?
    if let base { root = try await repository.loadTree(base.snapshot.tree) }
    let namespace = Namespace(
      root: Node(name: Name([]), type: .dir, mode: 1 << 31 | 0o755), tree: root,
      deviceID: SecureRandom.uint64() >> 16 | 1, rules: GitNameRules())
    let tree = WorkingTree(namespace, source: RepositorySource(repository: repository, logger: logger))
    let files = FileReader(
      tree: tree, repository: repository,
      blobs: BlobReader(repository: repository, cacheByteLimit: memory.cacheByteLimit), logger: logger)
    let keeper = LockKeeper(repository: repository, retryFor: .zero, clock: clock, logger: logger)
    let streamer = ContentStreamer(
      store: ContentStore(files: files), budget: memory, lockKeeper: keeper, logger: logger)
    let kernelCache = KernelCache(clock: kernelClock, logger: logger)
    let coordinator = CommitCoordinator(
      files: files, base: base, filter: filter,
      identity: SnapshotIdentity(hostname: "here", username: "me", userID: 1, groupID: 1), lockKeeper: keeper,
      streamer: streamer, kernelCache: kernelCache,
      isForOneProgram: isForOneProgram, retention: policy.map { SnapshotRetention(policy: $0) },
      rollbackWatch: watchesRollback
        ? RollbackWatch(repository: repository, acceptsRollback: false, clock: clock, logger: logger) : nil,
      clock: clock, logger: logger)
    tree.onChange { coordinator.noteChange() }
    self.repository = repository
    self.tree = tree
    self.coordinator = coordinator
    lockKeeper = keeper
    self.kernelCache = kernelCache
    fileSystem = GitFileSystem(
      files: files, streamer: streamer, committer: committer, rules: rules,
      refusals: RefusalRecord(logger: logger), logger: logger)
  }

  /// For tests that commit by the coordinator.
  struct NoCommitter: FileSystemCommitter {
    func commitAndWait() throws(Errno) { throw .notSupported }
    func commitForProgram() throws(Errno) { throw .notSupported }
    func statusAttribute(_ name: Name) -> [UInt8]? { nil }
  }

  // MARK: A small shell, on plain threads as FUSE's are

  static let owner = FileOwner(userID: 7, groupID: 8)
  static let caller = FuseCaller(userID: owner.userID, groupID: owner.groupID, processID: 9)

  /// Runs `body` on a thread that may block. An error, if that does not end.
  func onThread<Success: Sendable>(
    limit: Duration = .seconds(600), _ body: @escaping @Sendable (TestMount) throws -> Success
  ) async throws -> Success {
    try await withTimeLimit(limit) {
      try await withCheckedThrowingContinuation { continuation in
        do throws(Errno) {
          try PlainThread.start { continuation.resume(with: Result { try body(self) }) }
        } catch {
          continuation.resume(throwing: error)
        }
      }
    }
  }

  /// Commits. An error, if that does not end.
  @discardableResult
  func commit(_ purpose: CommitCoordinator.Purpose = .sync) async throws -> CommitResult {
    try await withTimeLimit { try await coordinator.commit(purpose) }
  }

  /// Makes or replaces a file. Directories on the way are made.
  func write(_ bytes: [UInt8], to path: String) async throws {
    try await onThread { mount in
      let (directory, name) = try mount.directory(of: path)
      try? mount.fileSystem.unlink(name, in: directory)  // a new file need not be there
      let made = try mount.fileSystem.create(name, in: directory, mode: 0o644, flags: O_RDWR, caller: Self.caller)
      let inode = made.entry.inode
      let handle = made.file.handle
      try bytes.withUnsafeBytes { try mount.fileSystem.write(inode, handle: handle, offset: 0, FuseWrittenBytes($0)) }
      mount.fileSystem.release(inode, handle: handle)
      mount.fileSystem.forget(inode, count: 1)
    }
  }

  /// Writes into a file that is there.
  func overwrite(_ bytes: [UInt8], at offset: UInt64, of path: String) async throws {
    try await onThread { mount in
      let inode = try mount.inode(path)
      let handle = try mount.fileSystem.open(inode, flags: O_RDWR).handle
      try bytes.withUnsafeBytes {
        try mount.fileSystem.write(inode, handle: handle, offset: offset, FuseWrittenBytes($0))
      }
      mount.fileSystem.release(inode, handle: handle)
    }
  }

  /// Opens a file, and returns the kernel's view of it.
  func open(_ path: String, flags: Int32) async throws -> (inode: FuseInode, handle: FuseHandle) {
    try await onThread { mount in
      let inode = try mount.inode(path)
      return (inode, try mount.fileSystem.open(inode, flags: flags).handle)
    }
  }

  /// All bytes of a file.
  func read(_ path: String) async throws -> [UInt8] {
    try await onThread { mount in
      let inode = try mount.inode(path)
      let handle = try mount.fileSystem.open(inode, flags: O_RDONLY).handle
      defer { mount.fileSystem.release(inode, handle: handle) }
      let count = try mount.fileSystem.attributes(of: inode, handle: nil).byteCount
      return Array(try mount.fileSystem.read(inode, handle: handle, offset: 0, byteCount: Int(count)))
    }
  }

  /// Removes a file.
  func remove(_ path: String) async throws {
    try await onThread { mount in
      let (directory, name) = try mount.directory(of: path)
      try mount.fileSystem.unlink(name, in: directory)
    }
  }

  /// The result of stat(2).
  func status(_ path: String) async throws -> FuseAttributes {
    try await onThread { try $0.fileSystem.attributes(of: $0.inode(path), handle: nil) }
  }

  /// Makes one more name for a file.
  func link(_ path: String, as other: String) async throws {
    try await onThread { mount in
      let (directory, name) = try mount.directory(of: other)
      let inode = try mount.inode(path)
      mount.fileSystem.forget(try mount.fileSystem.link(inode, as: name, in: directory).inode, count: 1)
    }
  }

  /// Moves a name, as rename(2).
  func rename(_ path: String, to other: String) async throws {
    try await onThread { mount in
      let (directory, name) = try mount.directory(of: path)
      let (newDirectory, newName) = try mount.directory(of: other)
      try mount.fileSystem.rename(name, in: directory, to: newName, in: newDirectory, mode: .replace)
    }
  }

  /// Changes a file's permissions.
  func changeMode(_ mode: UInt32, of path: String) async throws {
    try await onThread { mount in
      var changes = FuseAttributeChanges()
      changes.mode = mode
      _ = try mount.fileSystem.setAttributes(of: mount.inode(path), to: changes, caller: Self.caller)
    }
  }

  /// Another mount of the same repository, as another process would make it. The mount shows the last commit.
  func again() async throws -> TestMount {
    try await TestMount(Self.openRepository(on: repository.backend))
  }

  /// The names in the root.
  func names() async throws -> Set<String> {
    try await onThread { mount in
      try Set(
        mount.tree.read("test") { namespace throws(NamespaceError) in
          try namespace.children(of: Namespace.root).keys.map(\.description)
        })
    }
  }

  func inode(_ path: String) throws -> FuseInode {
    let (directory, name) = try directory(of: path)
    let entry = try fileSystem.lookup(name, in: directory, caller: Self.caller)
    fileSystem.forget(entry.inode, count: 1)
    return entry.inode
  }

  private func directory(of path: String) throws -> (FuseInode, [UInt8]) {
    let names = path.split(separator: "/").map { Array($0.utf8) }
    var directory = Namespace.root
    for name in names.dropLast() {
      let entry: FuseEntry
      do {
        entry = try fileSystem.lookup(name, in: directory, caller: Self.caller)
      } catch {
        entry = try fileSystem.makeDirectory(name, in: directory, mode: 0o755, caller: Self.caller)
      }
      directory = entry.inode
      fileSystem.forget(directory, count: 1)
    }
    return (directory, names[names.count - 1])
  }
}
