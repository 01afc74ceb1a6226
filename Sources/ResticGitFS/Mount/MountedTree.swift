import FuseBridge
import Glibc
import Logging
import ResticCore
import SystemPackage

/// What a mount begins with: the chosen snapshot's tree, or a new bare repository.
struct MountedTree: Sendable {
  /// The snapshot, if there is one.
  var base: SavedSnapshot?
  /// The tree.
  var tree: WorkingTree
  /// What a person should know about the choice.
  var notice: String?

  /// Chooses the snapshot and makes the tree. The repository's index is loaded afterwards, in restic's order: snapshots, then index.
  static func open(
    _ repository: Repository, _ configuration: MountConfiguration, logger: Logger
  ) async throws -> MountedTree {
    let base: SavedSnapshot?
    switch configuration.selection {
    case .latest(let filter): base = try await repository.latestSnapshot(matching: filter)
    case .snapshot(let prefix): base = try await repository.snapshot(withPrefix: prefix)
    }
    try await repository.loadIndex()
    var namespace = Namespace(
      root: rootNode(at: base?.snapshot.time ?? .now()),
      tree: try await base.asyncMap { try await repository.loadTree($0.snapshot.tree) },
      deviceID: SecureRandom.uint64() >> 16 | 1)
    var notice: String?
    if let base {
      notice = Self.notice(of: base, namespace)
    } else if configuration.createsBareRepository, !configuration.isReadOnly {
      let template = BareRepositoryTemplate(defaultBranch: await GitConfiguration.defaultBranch())
      try template.install(in: &namespace, owner: rootNode(at: .now()), at: .now())
      notice = "no snapshot yet: created a bare git repository"
    } else {
      notice = "no snapshot yet: the mount is empty"
    }
    let reader = BlobReader(repository: repository, cacheByteLimit: configuration.memory.cacheByteLimit)
    let tree = WorkingTree(
      namespace, repository: repository, reader: reader, readAheadByteCount: configuration.memory.readAheadByteCount,
      logger: logger)
    return MountedTree(base: base, tree: tree, notice: notice)
  }

  /// The root's attributes, which no snapshot holds: everything in it belongs to the mounting user.
  private static func rootNode(at time: Timestamp) -> Node {
    let names = OwnerNames()
    return Node(
      name: Name([]), type: .dir, mode: FileMode.stored(S_IFDIR | 0o755), mtime: time, atime: time, ctime: time,
      uid: getuid(), gid: getgid(), user: names.user(getuid()), group: names.group(getgid()))
  }

  /// What a snapshot shows that has no git repository at its root, and how to choose another.
  private static func notice(of base: SavedSnapshot, _ namespace: Namespace) -> String? {
    guard let children = try? namespace.children(of: Namespace.root),  // the root is always loaded
      !BareRepository.isRepository({ children[$0] != nil })
    else { return nil }
    let names = children.keys.sorted().prefix(4).map(\.description)
    let shown = names.isEmpty ? "nothing" : names.joined(separator: ", ") + (children.count > names.count ? ", …" : "")
    return """
      snapshot \(base.id.short) of \(base.snapshot.hostname):\(base.snapshot.paths.joined(separator: " ")) has no bare git \
      repository at its root; it shows \(shown); choose another with --path, --tag, --host or --snapshot \
      (`restic-gitfs snapshots` lists them)
      """
  }
}

extension Optional {
  /// `map` for a closure that waits.
  fileprivate func asyncMap<Result>(_ transform: (Wrapped) async throws -> Result) async rethrows -> Result? {
    guard let self else { return nil }
    return try await transform(self)
  }
}
