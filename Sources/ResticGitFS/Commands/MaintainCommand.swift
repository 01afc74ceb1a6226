import ArgumentParser
import Glibc
import Logging
import MessageText
import Platform
import ResticCore
import SystemPackage

/// `restic-gitfs maintain`: has git put the repositories of a mount, or of the newest snapshot, in order now.
struct MaintainCommand: ContextualCommand {
  static let configuration = CommandConfiguration(
    commandName: "maintain",
    abstract: "Pack the stored git repository now, and save the result.",
    discussion: """
      git packs small git packfiles, loose objects and loose references, writes a commit-graph, and removes loose objects that \
      have been unreachable for two weeks (gc.pruneExpire). Mounts and git-remote-restic do most of this automatically; see \
      docs/MAINTENANCE.md. Exit code 11 means that another client, or a git command on the mount, is at work.

      EXAMPLES
        restic-gitfs maintain ~/vault         a mount, which is saved as well
          41 packfiles are 3 now, 612 references packed
        restic-gitfs maintain vault           named in the configuration file, mounted or not
        restic-gitfs maintain -r /srv/vault   the newest snapshot
      """)

  @OptionGroup var repository: RepositoryOptions
  @OptionGroup var filter: FilterOptions
  @OptionGroup var storage: StorageOptions
  @OptionGroup var output: OutputOptions

  @Flag(help: "Print the result as JSON.")
  var json = false

  @OptionGroup var argument: RepositoryArgument

  func run(in context: CommandContext) async throws {
    let report: HousekeepingReport
    let table = try MountTable.loadForCommand()
    let word = try argument.word.map { text throws(CommandError) in
      try RepositoryWord(text, in: table, context.environment)
    }
    if let mount = word?.presentMount(in: table) {
      report = try await BlockingExecutor(threadCount: 1).run { () throws(CommandError) in try mount.maintain() }
    } else {
      let chosen = try repository.chosen(by: word, of: "maintain", context.environment)
      var command = self
      command.repository = chosen.options
      command.filter = filter.completed(by: chosen.entry)
      command.storage = storage.completed(by: chosen.entry)
      report = try await command.maintain(in: context.with(chosen.environment))
    }
    if json {
      context.say(JSONText.line(MaintenanceSummary(report)))
    } else if !output.quiet {
      for work in report.work { context.say(work.text.printable) }
      if report.work.isEmpty, report.exitCode == 0 { context.say("nothing to maintain") }
      if report.exitCode == 0 { for reason in report.skipped { context.say(reason.printable) } }
      if let snapshot = report.snapshot { context.say("snapshot \(snapshot.prefix(8)) saved") }
    }
    let problems = report.skipped + [report.failure].compactMap(\.self)
    guard report.exitCode != 0 else { return }
    throw CommandError(
      problems.joined(separator: "; ").printable, exitCode: ExitCode(rawValue: report.exitCode) ?? .failure)
  }

  /// Mounts the newest snapshot for this process alone: the process serves it, and git works on it.
  private func maintain(in context: CommandContext) async throws -> HousekeepingReport {
    let location = try repository.location(context.environment)
    let logger = try output.makeLogger(context.log)
    let memory = try storage.memoryBudget(logger: logger)
    let settings = try storage.settings(memory, logger: logger, context.environment)
    Self.removeDeadMounts()
    let folder = try Self.makeMountpoint()
    defer { rmdir(folder.string) }
    let configuration = try configuration(mountpoint: folder, location: location, memory, context.environment)
    let opened = try await WaitingLine(isQuiet: output.quiet, log: context.log).showing(settings.waiting) {
      try await repository.open(
        at: location, options: repository.options, settings: settings, reading: .everything, in: context)
    }
    let result = ReportBox()
    let server = MountServer(
      repository: opened, configuration: configuration, logger: logger, isQuiet: output.quiet,
      report: ServiceReport(to: nil), context: context
    ) { service in
      let report = service.maintain()
      result.report.withLock { $0 = report }
    }
    do {
      let code = try await server.serve(readiness: nil)
      guard let report = result.report.withLock({ $0 }) else {
        throw CommandError.silent(code == .success ? .interrupted : code)
      }
      return report
    } catch let error as RepositoryError {
      throw CommandError(error, location: location.description)
    }
  }

  private func configuration(
    mountpoint: FilePath, location: BackendLocation, _ memory: MemoryBudget, _ environment: Environment
  ) throws(CommandError) -> MountConfiguration {
    let filter = filter.filter(environment)
    guard let selection = SnapshotSelection("latest", matching: filter) else {
      preconditionFailure("the newest snapshot can be selected")
    }
    return MountConfiguration(
      mountpoint: mountpoint, isReadOnly: false, selection: selection, createsBareRepository: false,
      fileSystemName: "restic:\(location)", isForOneProgram: true, findsRepositories: true, refreshInterval: nil,
      housekeeping: nil, memory: memory, retryLock: repository.retryLock,
      identity: SnapshotIdentity(following: filter))
  }

  private static let mountpointPrefix = "restic-gitfs-maintain-"

  private static func makeMountpoint() throws(CommandError) -> FilePath {
    do throws(Errno) {
      return try PassingFolder.make(mountpointPrefix).path
    } catch {
      throw CommandError("cannot create a folder for the mount: \(error)")
    }
  }

  /// Takes away the mounts of processes that were killed. What can't be taken away belongs to somebody else, or is for the next
  /// time.
  private static func removeDeadMounts() {
    for path in PassingFolder.leftovers(mountpointPrefix) {
      if isDead(path) {
        // The system refuses to remove another user's mount, which stays.
        try? Unmounting.unmount(path, .detached)
      }
      // Fails where something is in it or mounted on it.
      rmdir(path.string)
    }
  }

  /// Whether a mount is at `path` whose process is gone. The kernel may know the attributes still; a listing reaches the process.
  private static func isDead(_ path: FilePath) -> Bool {
    do throws(Errno) {
      _ = try FolderNames.list(path, limit: 0)
      return false
    } catch {
      return error == .socketNotConnected || error == .connectionAbort
    }
  }
}

/// Carries a report from the thread that works on the mount.
private final class ReportBox: Sendable {
  let report = Locked<HousekeepingReport?>(nil)
}
