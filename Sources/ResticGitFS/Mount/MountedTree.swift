import Glibc
import Logging
import MessageText
import ResticCore
import SystemPackage

/// The beginning of a mount: the chosen snapshot's tree, or a new bare repository.
struct MountedTree: Sendable {
  /// The snapshot, if there is one.
  var base: SavedSnapshot?
  /// The tree's files.
  var files: FileReader
  /// The snapshot, if its date is too far in the future.
  var ahead: SnapshotAhead?
  /// Set if the storage shows an older state than this machine has seen: on read-only mounts.
  var rollback: Rollback?
  /// What a person should know about the choice.
  var notice: String?
  /// The places of git repositories in the snapshot, if a program wants one and none is at the root.
  var repositories: [String]?
  /// What everybody should know about the choice, including people who use a mount through another program.
  var warning: String?

  /// Chooses the snapshot and makes the tree. The repository's index is listed afterwards, in restic's order:
  /// snapshots, then index.
  ///
  /// Throws `RolledBackRepository` if a writable mount would show an older state than this machine has seen, and
  /// `.noSnapshot` if the requested snapshot does not exist, or a read-only mount would show nothing.
  static func open(
    _ repository: Repository, _ configuration: MountConfiguration, logger: Logger
  ) async throws -> MountedTree {
    let (choice, early) = try await chooseAndLoad(repository, configuration, logger)
    let folders = choice.base.map { SnapshotFolders(repository: repository, saved: $0, root: early) }
    var root: Tree?
    if let folders { root = try await folders.tree(at: choice.folder) }
    // git reads everything near its repository's root.
    if let root, configuration.isForOneProgram { repository.prepareTrees(below: root) }
    var namespace = Namespace(
      root: rootNode(at: choice.base?.snapshot.time ?? .now()), tree: root, deviceID: SecureRandom.uint64() >> 16 | 1,
      rules: GitNameRules())
    var notice: String?
    var repositories: [String]?
    if let folders {
      if configuration.isForOneProgram {
        repositories = try await Self.repositories(of: folders, namespace, configuration)
      } else if choice.folder.isEmpty {
        notice = await Self.notice(of: folders, namespace)
      }
    } else if configuration.createsBareRepository, !configuration.isReadOnly {
      let template = BareRepositoryTemplate(
        defaultBranch: await GitConfiguration.defaultBranch(), objectFormat: configuration.objectFormat)
      try template.install(in: &namespace, owner: mounter, at: .now())
      notice = "no snapshot yet: created a bare git repository"
    } else {
      notice = "no snapshot yet: the mount is empty"
    }
    if choice.absence != nil { notice = nil }
    let warning = choice.absence.map { absence in
      configuration.isReadOnly ? "\(absence): the mount is empty" : "\(absence): the first save will create one"
    }
    let tree = WorkingTree(
      namespace, source: RepositorySource(repository: repository, logger: logger),
      observer: ChangeTrace(configuration.trace))
    let files = FileReader(
      tree: tree, repository: repository,
      blobs: BlobReader(repository: repository, cacheByteLimit: configuration.memory.cacheByteLimit),
      readAheadByteCount: configuration.memory.readAheadByteCount, logger: logger)
    if configuration.isForOneProgram { files.prepareSmallFilesOfRoot() }
    return MountedTree(
      base: choice.base, files: files, ahead: choice.ahead, rollback: choice.rollback, notice: notice,
      repositories: repositories, warning: warning)
  }

  /// The choice of what a mount shows.
  private struct Choice {
    var base: SavedSnapshot?
    /// `base`, if its date is too far in the future.
    var ahead: SnapshotAhead?
    /// Set if this is an older state than this machine has seen.
    var rollback: Rollback?
    var folder: [Name] = []
    /// The message that the filter chooses no snapshot; nil if there are no snapshots at all.
    var absence: String?
  }

  /// The choice, and the root tree if it was loaded together with the index. If listings may lag behind, the storage is
  /// asked at the same time whether it still has the snapshot.
  private static func chooseAndLoad(
    _ repository: Repository, _ configuration: MountConfiguration, _ logger: Logger
  ) async throws -> (Choice, Tree?) {
    while true {
      let choice = try await choose(repository, configuration, logger)
      guard let base = choice.base else { return (choice, try await repository.loadIndex(with: nil)) }
      async let isThere = repository.isThere(base.id)
      let early = await Result(awaiting: { () async throws -> Tree? in
        try await repository.loadIndex(with: base.snapshot.tree)
      })
      // A snapshot that is gone is left out of the next list.
      if try await isThere { return (choice, try early.get()) }
    }
  }

  private static func choose(
    _ repository: Repository, _ configuration: MountConfiguration, _ logger: Logger
  ) async throws -> Choice {
    switch configuration.selection {
    case .fixed(.idPrefix(let prefix), let folder):
      return Choice(base: try await repository.snapshot(withPrefix: prefix), folder: folder)
    case .fixed(.newest(let filter), let folder):
      let look = try await look(at: repository, filter, configuration, logger)
      guard let base = try look.list.newest(where: { filter.matches($0) }) else {
        throw RepositoryError.noSnapshot(
          filter.absence(among: try await repository.snapshots().count) ?? "there is no snapshot yet")
      }
      return Choice(base: base, rollback: look.rollback, folder: folder)
    case .latest(let filter):
      let look = try await look(at: repository, filter, configuration, logger)
      let matching = try look.list.matching { filter.matches($0) }
      if let base = matching.last {
        return Choice(base: base, ahead: SnapshotAhead(among: matching, at: .now()), rollback: look.rollback)
      }
      let absence = filter.absence(among: try await repository.snapshots().count)
      // git would mistake the wrong answer for an empty repository.
      if let absence, configuration.isForOneProgram, configuration.isReadOnly {
        throw RepositoryError.noSnapshot(absence)
      }
      return Choice(rollback: look.rollback, absence: absence)
    }
  }

  /// The snapshots, and those missing that this machine has seen. Throws if the mount would write on top of an older
  /// state.
  private static func look(
    at repository: Repository, _ filter: SnapshotFilter, _ configuration: MountConfiguration, _ logger: Logger
  ) async throws -> RollbackWatch.Look {
    let watch = RollbackWatch(
      repository: repository, acceptsRollback: configuration.acceptsRollback, logger: logger)
    let list = try await repository.snapshotList()
    // If the newest snapshot is not known, that is the error.
    _ = try list.matching { filter.matches($0) }
    let look = try await watch.look(at: list, matching: filter)
    if let rollback = look.rollback, !configuration.isReadOnly {
      throw RolledBackRepository(rollback: rollback, occasion: configuration.isForOneProgram ? .push : .mount)
    }
    return look
  }

  /// The root's attributes, which no snapshot holds: the root belongs to the mounting user.
  private static func rootNode(at time: Timestamp) -> Node {
    var node = NewInode(type: .dir, permissions: 0o755, owner: mounter).node
    (node.mtime, node.atime, node.ctime) = (time, time, time)
    return node
  }

  private static var mounter: NamedOwner { OwnerNames().named(FileOwner(userID: getuid(), groupID: getgid())) }

  /// The places of git repositories, for a program whose own folder is not one. Throws `.noSnapshot` if the folder does
  /// not exist.
  private static func repositories(
    of folders: SnapshotFolders, _ namespace: Namespace, _ configuration: MountConfiguration
  ) async throws -> [String]? {
    guard configuration.gitFolder.isEmpty else {
      _ = try await folders.tree(at: configuration.gitFolder)
      return nil
    }
    let children = (try? namespace.children(of: Namespace.root)) ?? [:]  // the root is always loaded
    guard !BareRepository.isRepository({ children[$0] != nil }) else { return nil }
    // An unreadable directory is reported when it is entered.
    return await paths(of: folders)
  }

  private static func paths(of folders: SnapshotFolders) async -> [String] {
    // What can't be read says so when it is entered.
    ((try? await folders.repositories()) ?? []).map { $0.map(\.description).joined(separator: "/") }
  }

  /// The notice for a snapshot without a git repository at its root: where one is, and how to choose another snapshot.
  private static func notice(of folders: SnapshotFolders, _ namespace: Namespace) async -> String? {
    guard let children = try? namespace.children(of: Namespace.root),  // the root is always loaded
      !BareRepository.isRepository({ children[$0] != nil })
    else { return nil }
    let base = folders.saved
    let names = children.keys.sorted().prefix(4).map(\.description)
    let shown = names.isEmpty ? "nothing" : names.joined(separator: ", ") + (children.count > names.count ? ", …" : "")
    let beginning = """
      snapshot \(base.id.short) of \(base.snapshot.hostname):\(base.snapshot.paths.joined(separator: " ")) has no bare git \
      repository at its root
      """
    // An unreadable directory is reported when it is entered.
    let repositories = await paths(of: folders)
    if let first = repositories.first {
      let others = repositories.count > 1 ? " (and \(repositories.count - 1) more)" : ""
      return """
        \(beginning), but one at \(first)\(others): git takes MOUNTPOINT/\(first); `--snapshot \(ShellWord("\(base.id.short):/\(first)"))` \
        mounts it alone, read-only
        """
    }
    return """
      \(beginning); it shows \(shown); choose another with --path, --tag, --host or --snapshot \
      (`restic-gitfs snapshots` lists them)
      """
  }
}
