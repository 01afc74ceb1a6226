import FuseBridge
import Glibc
import Logging
import ProgramVersion
import ResticCore
import SystemPackage

/// One mounted repository, from the chosen snapshot to the last commit.
///
///     let service = try await MountService.prepare(repository: …)   // nothing is mounted yet
///     try service.mount()                                           // the mountpoint is there
///     let outcome = service.run()                                   // until unmounted and committed
///
/// Lock order: `serving` is a leaf lock.
final class MountService: Sendable {
  /// What a person should know before using the mount, one line each.
  let notices: [String]
  /// What a person who uses the mount through another program should know as well.
  let warning: String?
  /// The warning that the storage shows an older state than this machine has seen; it is always printed.
  let rollbackWarning: String?

  private struct Serving {
    var session: FuseSession?
    var exitRequests = 0
    /// Whether unsaved changes are to be dropped.
    var isGivenUp = false
    /// Whether files were open for writing then: the kernel may have held written data of them.
    var wasOpenForWriting = false
    var sessionFile: String?
    var listener: (@Sendable (MountStatus) -> Void)?
    var leave: (@Sendable () -> Void)?
    var fileSystem: GitFileSystem?
  }

  private let repository: Repository
  let configuration: MountConfiguration
  private let tree: WorkingTree
  let files: FileReader
  private let streamer: ContentStreamer
  let coordinator: CommitCoordinator
  private let kernelCache: KernelCache
  private let lockKeeper: LockKeeper
  private let refusals: RefusalRecord
  private let repositories: [String]?
  private let logger: Logger
  private let serving = Locked(Serving())
  private let fsyncLimit: FsyncLimit<ContinuousClock>
  private let requests = FuseRequestCounts()
  /// Packs git repositories; nil on a read-only mount.
  let housekeeper: Housekeeper?

  /// How many seconds to wait before a failed final commit is tried again, if the mount could not be restored.
  private static let retrySeconds: UInt32 = 5

  /// A service for `mounted`; `prepare` makes one.
  init(
    repository: Repository, configuration: MountConfiguration, mounted: MountedTree, lockKeeper: LockKeeper,
    logger: Logger
  ) {
    self.repository = repository
    self.configuration = configuration
    self.lockKeeper = lockKeeper
    self.logger = logger
    refusals = RefusalRecord(logger: logger)
    repositories = mounted.repositories
    notices = [mounted.notice, mounted.ahead?.message].compactMap(\.self)
    warning = mounted.warning
    rollbackWarning = mounted.rollback?.message
    tree = mounted.files.tree
    files = mounted.files
    kernelCache = KernelCache(logger: logger)
    BufferPool.shared.limitIdle(to: configuration.memory.idleByteLimit)
    // Memory of loading the index, which nothing else needs.
    BufferPool.shared.trim()
    streamer = ContentStreamer(
      store: ContentStore(files: files), budget: configuration.memory, lockKeeper: lockKeeper, logger: logger)
    coordinator = CommitCoordinator(
      files: files, base: mounted.base, ahead: mounted.ahead, rollback: mounted.rollback,
      filter: configuration.selection.followed,
      identity: configuration.identity, lockKeeper: lockKeeper,
      streamer: streamer, kernelCache: kernelCache, isForOneProgram: configuration.isForOneProgram,
      retention: configuration.retention.isEmpty ? nil : SnapshotRetention(policy: configuration.retention),
      // An acceptance is recorded when the mount begins.
      rollbackWatch: RollbackWatch(repository: repository, acceptsRollback: false, logger: logger), logger: logger)
    fsyncLimit = FsyncLimit(interval: configuration.fsyncInterval, clock: ContinuousClock()) { [coordinator] in
      // The coordinator logs and keeps the error.
      if case .saved = try? await coordinator.commit(.sync) { true } else { false }
    }
    housekeeper =
      configuration.isReadOnly
      ? nil
      : Housekeeper(
        files: files, coordinator: coordinator, mountpoint: configuration.mountpoint,
        folder: configuration.isForOneProgram && !configuration.findsRepositories ? configuration.gitFolder : nil,
        limits: configuration.housekeeping, logger: logger)
    tree.onChange { [coordinator] in coordinator.noteChange() }
    if tree.read({ $0.isChanged }) { coordinator.noteChange() }
  }

  /// Releases what `prepare` took, for a service that is not run.
  func abandon() async {
    await lockKeeper.end()
  }

  /// Mounts. Requests wait until `run`. Throws a `CommandError` if a mount of this program is there already.
  func mount() throws {
    try MountpointLock.mounting(at: configuration.mountpoint) {
      let fileSystem = GitFileSystem(
        files: files, streamer: streamer, committer: self, rules: configuration.rules, refusals: refusals,
        logger: logger)
      let session = try FuseSession(
        fileSystem: fileSystem, mountpoint: configuration.mountpoint, options: configuration.fuseOptions,
        requests: requests)
      housekeeper?.attach(fileSystem.creations)
      let notifier = session.notifier
      kernelCache.attach({ try notifier.forget($0) }, prune: { try notifier.prune($0) })
      tree.keepInodes(
        to: InodeBudget(count: configuration.memory.inodeCount, mounter: fileSystem.mounter) {
          [weak kernelCache] in kernelCache?.forgetUnused($0)
        })
      serving.withLock { ($0.session, $0.fileSystem) = (session, fileSystem) }
    }
    let snapshot = coordinator.current.base.shown.snapshot.map { "snapshot \($0.id.short)" } ?? "no snapshot yet"
    logger.info("mounted \(repository.backend.description) at \(configuration.mountpoint): \(snapshot)")
  }

  /// Serves until the mount is gone and the last commit is done, and returns how it ended. Blocks a plain thread.
  ///
  /// A last commit that fails loses nothing: the mount comes back with everything that was written. If that is
  /// impossible, the commit is tried again until it succeeds or an exit is requested once more.
  func run() -> MountOutcome {
    let autoCommit = configuration.commitAfter.map { AutoCommit(after: $0, coordinator: coordinator, logger: logger) }
    let refreshing = configuration.refreshInterval.map {
      RefreshTimer(every: $0, coordinator: coordinator, logger: logger)
    }
    let housekeeping = makeHousekeepingTimer()
    defer {
      autoCommit?.stop()
      refreshing?.stop()
      housekeeping?.stop()
    }
    while true {
      guard let session = serving.withLock({ $0.session }) else { preconditionFailure("mount() comes before run()") }
      let end = session.run()
      logger.info("unmounted: \(end)")
      kernelCache.attach(nil)
      housekeeper?.stop()
      serving.withLock { ($0.session, $0.fileSystem) = (nil, nil) }
      notifyListener()
      switch commitFinally() {
      case .ended(let outcome): return outcome
      case .remounted: logger.warning("the last commit failed: mounted again, nothing is lost")
      }
    }
  }

  private enum FinalCommit {
    case ended(MountOutcome)
    case remounted
  }

  private func commitFinally() -> FinalCommit {
    if configuration.isForOneProgram { return .ended(discard()) }
    if serving.withLock({ $0.isGivenUp }) { return .ended(dropChanges()) }
    let requests = serving.withLock { $0.exitRequests }
    while true {
      do {
        let result = try blocking { [coordinator] in try await coordinator.commit(.unmount) }
        return .ended(MountOutcome(result))
      } catch {
        if serving.withLock({ $0.isGivenUp }) { return .ended(dropChanges()) }
        do {
          try mount()
          notifyListener()
          return .remounted
        } catch {
          logger.error("cannot mount again to keep what is not saved: \(error)")
        }
        if serving.withLock({ $0.exitRequests }) > requests + 1 {
          return .ended(.failed(message: "gave up on request, changes are lost: \(error)"))
        }
        logger.error("trying the commit again in \(Self.retrySeconds) s: \(error)")
        sleep(Self.retrySeconds)
      }
    }
  }

  /// Ends without a commit, on a person's explicit request.
  private func dropChanges() -> MountOutcome {
    let snapshot = coordinator.current.base.shown.snapshot
    let isClean = coordinator.current.phase == .clean && !serving.withLock { $0.wasOpenForWriting }
    do {
      try blocking { [coordinator] in await coordinator.discard() }
    } catch {
      preconditionFailure("discarding throws nothing: \(error)")
    }
    if isClean { return .clean(snapshot: snapshot?.id.hex) }
    let base = snapshot.map { "snapshot \($0.id.short)" } ?? "the mount"
    return .failed(message: "given up on request: changes since \(base) are lost")
  }

  /// Ends without a commit; waits for a commit that is past the point of no return. Removes the mountpoint.
  private func discard() -> MountOutcome {
    do {
      try blocking { [coordinator] in await coordinator.discard() }
    } catch {
      preconditionFailure("discarding throws nothing: \(error)")
    }
    // The creator of the folder may have removed it, or be gone.
    _ = configuration.mountpoint.withPlatformString { rmdir($0) }
    return .clean(snapshot: coordinator.current.base.shown.snapshot?.id.hex)
  }

  /// Commits in the background, as `sync` does. From any thread.
  func requestCommit() {
    Task { [coordinator] in
      _ = try? await coordinator.commit(.sync)  // the coordinator logs and keeps the error
    }
  }

  /// Unmounts, which commits; from any thread except those that serve. Waits a little for files that are in use.
  func requestExit() {
    if housekeeper?.goesOn() == true { return logger.info("going on without the program, for housekeeping") }
    // A file that git has open would keep the mount busy.
    housekeeper?.stop()
    let session = serving.withLock { serving in
      serving.exitRequests += 1
      return serving.session
    }
    guard let session else { return }
    for _ in 0..<50 {
      do {
        try session.unmount()
        return endEverywhere(session)
      } catch {
        usleep(100_000)
      }
    }
    logger.warning("files are still in use: unmounting anyway")
    session.requestExit()
  }

  /// Continues an exit after the mount has left this mount namespace. If another namespace has a copy of the mount, the
  /// session runs for as long as that namespace exists. A mount for one program ends nevertheless, because nobody else
  /// uses the mount. Any other mount saves its changes now.
  private func endEverywhere(_ session: FuseSession) {
    if configuration.isForOneProgram { return session.requestExit() }
    for _ in 0..<20 {
      guard serving.withLock({ $0.session === session }) else { return }
      usleep(100_000)
    }
    logger.notice("unmounted, but another mount namespace still has the mount: saving now, and ending with that mount")
    requestCommit()
  }

  /// Drops unsaved changes, and unmounts, even if the mount is in use. From any thread except those that serve.
  func giveUp() {
    let isOpenForWriting = tree.read { !$0.inodesOpenForWriting.isEmpty }
    let session = serving.withLock { serving in
      serving.isGivenUp = true
      serving.wasOpenForWriting = isOpenForWriting
      return serving.session
    }
    logger.notice("giving up unsaved changes, on request")
    // A running commit is cancelled; requests that wait for one end with it.
    Task { [coordinator] in await coordinator.discard() }
    session?.requestExit()
  }

  // MARK: Status

  /// The path of this session's file, for `status`.
  func setSessionFile(_ path: String) {
    serving.withLock { $0.sessionFile = path }
  }

  /// Calls `listener` with the status whenever the mount comes or goes.
  func onStatusChange(_ listener: @escaping @Sendable (MountStatus) -> Void) {
    serving.withLock { $0.listener = listener }
  }

  /// Calls `leave` before the mount goes on without the program that it serves and that reads this process's output.
  func onLeave(_ leave: @escaping @Sendable () -> Void) {
    serving.withLock { $0.leave = leave }
  }

  /// The program is about to end.
  func leaveProgram() {
    let leave = serving.withLock { $0.leave }
    leave?()
  }

  private func notifyListener() {
    let listener = serving.withLock { $0.listener }
    listener?(status())
  }

  /// The current metrics. From any thread outside the Swift pool.
  func metrics() -> MountMetrics {
    let current = coordinator.current
    return MountMetrics(
      status(), commits: current.counts, lastSnapshot: current.base.shown.snapshot?.snapshot.time,
      requests: requests.figures, traffic: repository.settings.traffic.figures, memory: configuration.memory)
  }

  /// The status of the mount. From any thread outside the Swift pool.
  func status() -> MountStatus {
    let current = coordinator.current
    let (session, sessionFile) = serving.withLock { ($0.session, $0.sessionFile) }
    let (bytes, files, openForWriting, inodes, isRefreshing) = tree.read {
      ($0.bufferedByteCount, $0.bufferedFileCount, $0.inodesOpenForWriting.count, $0.inodes.count, $0.isRefreshing)
    }
    return MountStatus(
      repository: repository.backend.description, mountpoint: configuration.mountpoint.string, pid: getpid(),
      sessionFile: sessionFile, readOnly: configuration.isReadOnly, snapshot: current.base.shown.snapshot?.id.hex,
      ahead: current.ahead.map {
        MountStatus.Ahead(
          snapshot: $0.newest.id.hex, time: $0.newest.snapshot.time.rfc3339, message: $0.message)
      },
      newer: current.base.newer.map { MountStatus.Newer(snapshot: $0.id.hex, time: $0.snapshot.time.rfc3339) },
      rollback: current.rollback.map { MountStatus.Rollback($0) },
      refreshing: isRefreshing ? true : nil, state: session == nil ? .unmounting : current.phase, dirtyBytes: bytes,
      dirtyFiles: files, openForWriting: openForWriting, inodes: inodes,
      lock: lockKeeper.heldLock?.hex,
      lastCommit: current.lastCommit.map { MountStatus.LastCommit($0.result, at: $0.time) },
      lastError: current.lastError.map {
        MountStatus.LastError($0.error, location: repository.backend.description, at: $0.time)
      },
      refreshError: current.refreshError.map {
        MountStatus.RefreshError($0.error, location: repository.backend.description, at: $0.time)
      },
      repositories: repositories, refused: refusals.message, progress: current.progress?.figures,
      waiting: repository.settings.waiting.current.map { MountStatus.Waiting($0) },
      maintaining: housekeeper?.isRunning == true ? true : nil, lastMaintenance: housekeeper?.last?.text,
      version: Version.current)
  }
}

extension MountService: FileSystemCommitter {
  func commitAndWait() throws(Errno) {
    _ = try commit()
  }

  func commitForProgram() throws(Errno) {
    // The program that the mount serves syncs when it needs a snapshot.
    if configuration.isForOneProgram { return try commitAndWait() }
    guard fsyncLimit.begin() == .commit else { return }
    var madeSnapshot = false
    defer { fsyncLimit.end(madeSnapshot: madeSnapshot) }
    if case .saved = try commit() { madeSnapshot = true }
  }

  private func commit() throws(Errno) -> CommitResult {
    do {
      return try blocking { [coordinator] in try await coordinator.commit(.sync) }
    } catch {
      throw Errno(cause: error)
    }
  }

  func statusAttribute(_ name: Name) -> [UInt8]? {
    switch name {
    case "user.restic.snapshot": coordinator.current.base.shown.snapshot.map { Array($0.id.hex.utf8) }
    case "user.restic.status", "user.restic.commit": status().attribute
    // For a program that is about to let git in: the status, with the reasons not to.
    case "user.restic.inspected" where configuration.isForOneProgram:
      inspect(configuration.gitFolder) ? statusAttribute("user.restic.status") : nil
    // A program that is done, and needs the mount no more: whether that goes on by itself to keep house.
    case "user.restic.housekeep" where configuration.isForOneProgram: beginHousekeeping() ? Array("begun".utf8) : nil
    // Housekeeping on request: its report.
    case "user.restic.maintain": maintain()?.attribute
    // For a program that is about to unmount: nothing works on the mount for a while.
    case "user.restic.rest": rest()
    // For a program that returns to its mount: the status, once it is what a new mount would show; no value if it is
    // not.
    case "user.restic.newest" where configuration.isForOneProgram && catchUp(): statusAttribute("user.restic.status")
    default: nil
    }
  }

  /// Looks at what git will read of the repository in `folder`. Says whether there is a mount, and all of it was looked at.
  func inspect(_ folder: [Name]) -> Bool {
    guard let fileSystem = serving.withLock({ $0.fileSystem }) else { return false }
    return RepositoryInspection.run(on: fileSystem, at: folder)
  }

  private func catchUp() -> Bool {
    do {
      return try blocking { [coordinator] in try await coordinator.catchUp() }
    } catch {
      logger.warning("cannot look for newer snapshots: \(error)")
      return false
    }
  }
}
