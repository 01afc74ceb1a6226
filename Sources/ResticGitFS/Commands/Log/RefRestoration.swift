import Glibc
import Logging
import ResticCore
import SystemPackage

/// Brings back what a ref named in an old snapshot: mounts that snapshot read-only, has git fetch from there into the newest
/// state, makes a new ref, and saves. So whatever a gc has removed since comes back with the ref.
struct RefRestoration: Sendable {
  let repository: Repository
  /// Where the newest state is mounted, if it is.
  let place: LogPlace
  /// Which snapshots the newest state is of, if it is not mounted.
  let filter: SnapshotFilter
  let retryLock: Duration
  let logger: Logger
  let context: CommandContext

  /// What was brought back.
  struct Result: Encodable {
    let ref: String
    let snapshot: String
    let restored: String
    let id: String
    /// The snapshot that holds it.
    let saved: String?

    var json: String { JSONText.line(self) }

    var text: String { "\(ref) of snapshot \(snapshot.prefix(8)) is \(restored) now" }
  }

  /// Brings `wanted` of the git repository at `folder` back, as `newName` if there is one.
  func run(_ wanted: RefAtSnapshot, in folder: [Name]?, as newName: String?) async throws -> Result {
    let found = try await wanted.find(in: repository, at: folder)
    let name = Self.newName(newName, for: found)
    return try await serving { mounts in
      let old = try await mounts.start(configuration(.fixed(.idPrefix(found.saved.id.hex), folder: []), found.folder))
      let saved: String?
      if let mount = place.mount {
        try await fetch(found, from: old, into: mount.path, as: name)
        saved = try await commit(mount)
      } else {
        let newest = try await mounts.start(configuration(.latest(filter), found.folder))
        try await fetch(found, from: old, into: newest.path, as: name)
        saved = try await newest.commit()
      }
      return Result(
        ref: "\(found.name)", snapshot: found.saved.id.hex, restored: name, id: found.id, saved: saved)
    }
  }

  /// `refs/restored/1a2b3c4d/heads/main`, or what a person wants: without `refs/` a branch.
  private static func newName(_ name: String?, for found: RefAtSnapshot.Found) -> String {
    if let name { return name.hasPrefix("refs/") ? name : "refs/heads/\(name)" }
    let old = "\(found.name)"
    return "refs/restored/\(found.saved.id.short)/\(old.hasPrefix("refs/") ? String(old.dropFirst(5)) : old)"
  }

  private func fetch(
    _ found: RefAtSnapshot.Found, from old: ServedMount, into path: FilePath, as name: String
  ) async throws {
    let git = RestorationGit(folder: Self.path(path, found.folder))
    try await git.requireNew(name)
    try await git.fetch("\(found.name)", from: Self.path(old.path, found.folder))
    try await git.create(name, found.id)
  }

  private static func path(_ root: FilePath, _ folder: [Name]) -> FilePath {
    folder.reduce(root) { $0.appending($1.description) }
  }

  private func commit(_ mount: MountedDirectory) async throws -> String? {
    let result = try await MountSynchronization(
      mount: mount, progress: ProgressLine(isQuiet: true), waiting: WaitingLine(isQuiet: false, log: context.log)
    ).run()
    if let conflict = result.conflict { throw CommandError(conflict, exitCode: .partial) }
    return result.snapshot
  }

  private func configuration(_ selection: SnapshotSelection, _ folder: [Name]) -> MountConfiguration {
    let client = ClientIdentity.current
    return MountConfiguration(
      mountpoint: "/", isReadOnly: selection.followed == nil, selection: selection, createsBareRepository: false,
      fileSystemName: "restic:\(place.location)", isForOneProgram: true, gitFolder: folder, refreshInterval: nil,
      retryLock: retryLock,
      identity: SnapshotIdentity(
        hostname: filter.hosts.first ?? client.hostname, username: client.username, userID: client.uid,
        groupID: client.gid))
  }

  // MARK: Mounts

  /// The mounts of this process; Ctrl-C and SIGTERM end them.
  private final class Mounts: Sendable {
    private struct State {
      var mounts: [ServedMount] = []
      var isEnding = false
    }

    private let state = Locked(State())
    private let start: @Sendable (MountConfiguration) async throws -> ServedMount

    init(_ start: @escaping @Sendable (MountConfiguration) async throws -> ServedMount) {
      self.start = start
    }

    var isEnding: Bool { state.withLock { $0.isEnding } }

    func start(_ configuration: MountConfiguration) async throws -> ServedMount {
      if isEnding { throw CommandError.silent(.interrupted) }
      let mount = try await start(configuration)
      state.withLock { $0.mounts.append(mount) }
      return mount
    }

    func requestEnd() {
      let mounts = state.withLock { state in
        state.isEnding = true
        return state.mounts
      }
      for mount in mounts { mount.requestEnd() }
    }

    func end() async {
      for mount in state.withLock({ $0.mounts }).reversed() { await mount.end() }
    }
  }

  private func serving(_ body: (Mounts) async throws -> Result) async throws -> Result {
    let mounts = Mounts { [repository, context, logger] configuration in
      try await ServedMount.start(repository, configuration, in: context.environment, logger: logger)
    }
    // It has to outlive whoever reads from the storage or the kernel, and `restic unlock`.
    signal(SIGPIPE, SIG_IGN)
    context.signals.onSignal { signal in
      if signal.number == SIGINT || signal.number == SIGTERM { mounts.requestEnd() }
    }
    do {
      let result = try await body(mounts)
      await mounts.end()
      return result
    } catch {
      await mounts.end()
      throw mounts.isEnding ? CommandError.silent(.interrupted) : error
    }
  }
}
