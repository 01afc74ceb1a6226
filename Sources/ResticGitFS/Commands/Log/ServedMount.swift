import Glibc
import Logging
import Platform
import ResticCore
import SystemPackage

/// A private mount that this process serves for git programs that it runs.
///
/// When the mount ends, uncommitted changes are dropped and its folder is removed. The folder is one of those that
/// git-remote-restic searches for leftovers of dead processes.
struct ServedMount: Sendable {
  /// The mountpoint.
  let path: FilePath
  private let service: MountService
  private let run: Task<MountOutcome, Never>

  /// How to mount `selection` of the repository at `location` for git, which works on the repository in `folder`. A
  /// mount that follows the newest snapshot is writable; `host` is its snapshots' host, if given.
  static func configuration(
    _ selection: SnapshotSelection, of folder: [Name], named location: String, host: String? = nil, retryLock: Duration
  ) -> MountConfiguration {
    let client = ClientIdentity.current
    return MountConfiguration(
      mountpoint: "/", isReadOnly: selection.followed == nil, selection: selection, createsBareRepository: false,
      fileSystemName: "restic:\(location)", isForOneProgram: true, gitFolder: folder, refreshInterval: nil,
      retryLock: retryLock,
      identity: SnapshotIdentity(
        hostname: host ?? client.hostname, username: client.username, userID: client.uid, groupID: client.gid))
  }

  /// Mounts as `configuration` says, except for the mountpoint, which is a new folder.
  static func start(
    _ repository: Repository, _ configuration: MountConfiguration, in environment: Environment, logger: Logger
  ) async throws -> ServedMount {
    let path = try makeMountpoint(environment)
    var configuration = configuration
    configuration.mountpoint = path
    do {
      let service = try await MountService.prepare(
        repository: repository, configuration: configuration, logger: logger)
      do {
        try await BlockingExecutor(threadCount: 1).run { try service.mount() }
      } catch {
        await service.abandon()
        throw error
      }
      let run = Task { await BlockingExecutor(threadCount: 1).run { service.run() } }
      return ServedMount(path: path, service: service, run: run)
    } catch {
      _ = path.withPlatformString { rmdir($0) }
      throw error
    }
  }

  /// git for the repository in `folder` of the mount. Throws a `CommandError` if git must not be used on it
  /// (`MountService.admitGit`).
  func git(for folder: [Name]) async throws -> RepositoryGit {
    try await BlockingExecutor(threadCount: 1).run { [service] () throws(CommandError) in
      try service.admitGit(at: folder)
    }
    return RepositoryGit(folder: RepositoryGit.path(path, folder))
  }

  /// Saves what was written. Throws a `CommandError` with the reason if it cannot be saved.
  func commit() async throws -> String? {
    let (failure, status) = await BlockingExecutor(threadCount: 1).run { [service] () -> (Errno?, MountStatus) in
      do throws(Errno) {
        try service.commitAndWait()
        return (nil, service.status())
      } catch {
        return (error, service.status())
      }
    }
    if let failure {
      throw CommandError(
        status.lastError?.message ?? "nothing could be saved: \(failure)",
        exitCode: status.lastError.flatMap { ExitCode(rawValue: $0.exitCode) } ?? .failure)
    }
    return status.snapshot
  }

  /// Asks the mount to end; returns at once.
  func requestEnd() {
    // The mount waits a little for programs that use it.
    Task { await BlockingExecutor(threadCount: 1).run { [service] in service.requestExit() } }
  }

  /// Ends the mount, and returns when it is gone and its folder is removed.
  func end() async {
    await BlockingExecutor(threadCount: 1).run { [service] in service.requestExit() }
    _ = await run.value
    _ = path.withPlatformString { rmdir($0) }
  }

  private static func makeMountpoint(_ environment: Environment) throws(CommandError) -> FilePath {
    let runtime = environment[.runtimeFolder].map { FilePath($0) }
    let folder =
      runtime.flatMap { $0.isAbsolute ? $0.appending("restic-gitfs") : nil }
      ?? environment.stateHome?.appending("restic-gitfs").appending("remote")
    guard let folder else { throw CommandError("there is no folder for the mountpoint: set XDG_RUNTIME_DIR or HOME") }
    makeFolders(folder)
    var status = stat()
    guard folder.withPlatformString({ lstat($0, &status) }) == 0, status.st_mode & S_IFMT == S_IFDIR,
      status.st_uid == geteuid(), status.st_mode & 0o077 == 0
    else { throw CommandError("\(folder) must be a folder that only you can access: private mounts are created in it") }
    var template = Array(folder.appending("remote-\(getpid())-XXXXXX").string.utf8CString)
    let made = template.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.flatMap { mkdtemp($0) }.map { FilePath(platformString: $0) }
    }
    guard let made else { throw CommandError("cannot create a folder in \(folder): \(Errno(rawValue: errno))") }
    return made
  }

  private static func makeFolders(_ path: FilePath) {
    guard path.withPlatformString({ mkdir($0, 0o700) }) != 0, errno == ENOENT, path.components.count > 1 else { return }
    makeFolders(path.removingLastComponent())
    _ = path.withPlatformString { mkdir($0, 0o700) }
  }
}
