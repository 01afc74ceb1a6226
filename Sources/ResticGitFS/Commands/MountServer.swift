import Glibc
import Logging
import Platform
import ResticCore
import SystemPackage

/// One mount in the process that serves it, from the opened repository to the exit code.
struct MountServer: Sendable {
  private static let progressInterval = Duration.milliseconds(250)
  /// How long a service that is to stop waits after a last save that failed.
  private static let retryInterval = Duration.seconds(10)

  /// The mounted repository.
  let repository: Repository
  /// The settings of the mount.
  let configuration: MountConfiguration
  /// Where log lines go.
  let logger: Logger
  /// Whether notices are left out.
  let isQuiet: Bool
  /// Reports to a service manager.
  let report: ServiceReport
  /// The process.
  let context: CommandContext
  /// Work on the mount once it serves, on a thread of its own; afterwards the mount ends.
  var work: (@Sendable (MountService) -> Void)?

  /// Waits for a running commit of the same repository, mounts, tells `readiness`, serves until the mount is gone, and
  /// returns the exit code.
  func serve(readiness: Readiness?) async throws -> ExitCode {
    guard let id = ID<Never>(hex: repository.config.id) else {
      throw RepositoryError.damaged("the config file holds no repository id")
    }
    let directory = context.environment.stateHome.map { SessionDirectory(stateHome: $0, repositoryID: id.hex) }
    try await starting { try await waitForCommits(in: directory) }
    let session = try startSession(in: directory)

    let signals = ServingSignals(logger: logger)
    context.signals.onSignal { signals.handle($0) }
    context.signals.listen(to: ServingSignals.ignored)
    let service: MountService
    do {
      service = try await starting {
        let service = try await prepare(signals)
        try await mount(service, for: session, signals)
        return service
      }
    } catch {
      end(session, .failed(message: "\(error)"))
      throw signals.hasBeenAskedToEnd ? CommandError.silent(.interrupted) : error
    }
    if configuration.announcesInJSON { context.say(await MountAnnouncement(service).json) }
    do {
      // A reader of the first program's output would otherwise wait for the end of a mount that stays.
      try readiness?.report(
        in: context, keepsStandardError: configuration.isForOneProgram && !configuration.staysForNext,
        logFile: logFile)
    } catch {
      // Nobody would know about the mount: unmount it.
      signals.requestEnd()
      context.warn(error.description)
    }
    signals.serve(service)
    let metrics = configuration.metricsFile.map { MetricsTimer(service: service, file: $0, logger: logger) }
    service.onLeave { leaveProgram() }
    try begin(work, on: service)
    let status = await BlockingExecutor(threadCount: 1).run { service.status() }
    report.ready(status)

    let outcome = await BlockingExecutor(threadCount: 1).run { service.run() }
    await metrics?.end()
    await repository.finishCaching()
    end(session, outcome)
    return log(outcome)
  }

  /// The result of `body`, during which a service manager is asked for more time.
  private func starting<Success: Sendable>(_ body: () async throws -> Success) async throws -> Success {
    try await report.starting("mounting \(configuration.mountpoint)", repository.settings.waiting, body)
  }

  private func begin(_ work: (@Sendable (MountService) -> Void)?, on service: MountService) throws {
    guard let work else { return }
    do throws(Errno) {
      try PlainThread.start {
        work(service)
        service.requestExit()
      }
    } catch {
      service.requestExit()
      throw error
    }
  }

  /// A reader of the program's output would otherwise wait for this process as well.
  private func leaveProgram() {
    guard configuration.isForOneProgram, !configuration.staysForNext, work == nil else { return }
    context.log.leaveTerminal(fallback: nil)
    // If either step fails standard error stays open, and the program waits for this process, which is only slower.
    guard let nothing = try? FileDescriptor.open("/dev/null", .readWrite, options: .closeOnExec) else { return }
    _ = try? nothing.duplicate(as: .standardError)
    nothing.closeQuietly()
  }

  /// The log file of a mount in the background on a machine without a system log. A mount for a program leaves no file
  /// behind.
  private var logFile: FilePath? {
    guard !configuration.isForOneProgram else { return nil }
    return context.environment.stateHome?.appending("restic-gitfs").appending("log")
  }

  private func waitForCommits(in directory: SessionDirectory?) async throws {
    guard let directory else { return }
    do {
      try await PreviousCommit(directory: directory).wait { record in
        let process = "process \(record.processID)"
        tell(
          record.state == .serving
            ? "waiting for \(record.mountpoint) (\(process)), which was unmounted while files on it were open; Ctrl-C gives up"
            : "waiting for the commit of \(record.mountpoint) (\(process)); Ctrl-C gives up")
      } onHeld: { record, holders in
        tell(
          """
          not waiting for \(record.mountpoint) (process \(record.processID)): \(holders.description) still has it in another \
          mount namespace; what is written there is saved when that ends
          """)
      }
    } catch let error as Errno {
      guard !configuration.isReadOnly else { return }
      throw CommandError(
        "the session files in \(directory.path) cannot be read: \(error); set XDG_STATE_HOME to a folder that you can write to"
      )
    }
  }

  /// Tells a person, or the log with `isQuiet`.
  private func tell(_ message: String) {
    if isQuiet { logger.info("\(message)") } else { context.warn(message) }
  }

  /// Mounts `service`, which gives back what it holds where that fails.
  private func mount(_ service: MountService, for session: SessionFile?, _ signals: ServingSignals) async throws {
    if let session { service.setSessionFile(session.path.string) }
    watch(service, for: session, signals)
    do {
      if let file = configuration.metricsFile { try await MetricsTimer.begin(service, file: file) }
      // Mounting may wait for another process.
      try await BlockingExecutor(threadCount: 1).run { try service.mount() }
      let device = mountedDevice
      try session?.update { record in
        record.state = .serving
        record.device = device
      }
    } catch {
      if let file = configuration.metricsFile { await MetricsTimer.giveUp(service, file: file) }
      await service.abandon()
      throw error
    }
    if let warning = service.rollbackWarning { context.warn(warning) }
    if let warning = service.warning, !isQuiet { context.warn(warning) }
    if !isQuiet, !configuration.isForOneProgram { for notice in service.notices { context.warn(notice) } }
  }

  /// The session file. Nil for a read-only mount that has no place for one: such a mount has nothing to save, so nobody
  /// waits for the end of its session.
  private func startSession(in directory: SessionDirectory?) throws(CommandError) -> SessionFile? {
    guard let directory else {
      guard !configuration.isReadOnly else { return nil }
      throw CommandError(
        "the session file has no place: this user has no home folder; set XDG_STATE_HOME to a folder that you can write to"
      )
    }
    do {
      return try directory.create(
        SessionRecord(processID: getpid(), mountpoint: configuration.mountpoint.string, state: .starting))
    } catch {
      guard !configuration.isReadOnly else { return nil }
      throw CommandError(
        "cannot create a session file in \(directory.path): \(error); set XDG_STATE_HOME to a folder that you can write to"
      )
    }
  }

  /// Keeps `session` and the service manager up to date: whenever the mount comes or goes, and again and again during the final commit.
  ///
  /// A service manager that stops the service asks once, and kills the process in the end. So a last save that has failed is tried
  /// again until then.
  private func watch(_ service: MountService, for session: SessionFile?, _ signals: ServingSignals) {
    let executor = BlockingExecutor(threadCount: 1)
    service.onStatusChange { [weak service] status in
      if let session { update(session, with: status) }
      report.update(status)
      guard let service else { return }
      guard status.state == .unmounting else {
        guard report.hasManager, signals.hasBeenAskedToEnd else { return }
        report.retry()
        Task {
          // Never cancelled: the process ends with the mount.
          try? await Task.sleep(for: Self.retryInterval)
          await executor.run { service.requestExit() }
        }
        return
      }
      Task {
        while true {
          let now = await executor.run { service.status() }
          guard now.state == .unmounting else { return }
          if let session { update(session, with: now) }
          report.update(now)
          // Never cancelled: ends with the commit.
          try? await Task.sleep(for: Self.progressInterval)
        }
      }
    }
  }

  /// The device of the mount (`MountTableEntry.device`).
  private var mountedDevice: String? {
    // Without the table, other users of the mount cannot be found.
    (try? MountTable.load())?.entry(at: configuration.mountpoint)?.device
  }

  private func update(_ session: SessionFile, with status: MountStatus) {
    do {
      let device = mountedDevice
      try session.update { record in
        record.state = status.state == .unmounting ? .committing : .serving
        if record.state == .serving { record.device = device }
        record.progress = status.progress
        record.waiting = status.waiting
      }
    } catch {
      logger.warning("the session file cannot be written", metadata: ["error": "\(error)"])
    }
  }

  private func end(_ session: SessionFile?, _ outcome: MountOutcome) {
    do {
      try session?.end(outcome)
    } catch {
      logger.warning("the session file cannot be written", metadata: ["error": "\(error)"])
    }
  }

  /// The service, with nothing mounted yet. A signal cancels it and releases what it holds, above all a lock.
  private func prepare(_ signals: ServingSignals) async throws -> MountService {
    let (repository, configuration, logger) = (repository, configuration, logger)
    let waiting = WaitingLine(isQuiet: isQuiet, log: context.log)
    let progress = ProgressLine(isQuiet: isQuiet)
    let task = Task {
      try await waiting.showing(repository.settings.waiting) {
        try await progress.showing(repository.settings.loading) {
          try await MountService.prepare(repository: repository, configuration: configuration, logger: logger)
        }
      }
    }
    signals.prepare { task.cancel() }
    let service = try await task.value
    // It may have been too late to cancel.
    if signals.hasBeenAskedToEnd {
      await service.abandon()
      throw CommandError.silent(.interrupted)
    }
    return service
  }

  private func log(_ outcome: MountOutcome) -> ExitCode {
    switch outcome {
    case .clean, .committed: break
    case .conflict(_, let message), .failed(let message): logger.error("\(message)")
    }
    return outcome.exitCode
  }
}
