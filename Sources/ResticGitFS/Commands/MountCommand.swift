import ArgumentParser
import Logging
import MessageText
import NamedRepositories
import ProcessPrivacy
import ResticCore
import SystemPackage

/// `restic-gitfs mount`: returns when the mount is ready; a process of its own serves it from then on.
///
/// Without `--foreground` this process only starts that other one (`DetachedMount`), which runs the same command with
/// `--ready-fd`. It asks for the password itself, so that it is derived once and never handed on.
struct MountCommand: ContextualCommand {
  static let configuration = CommandConfiguration(
    commandName: "mount",
    abstract: "Mount the latest snapshot of a repository as a writable directory.",
    discussion: """
      Mounts the newest snapshot that matches --host, --tag and --path. Changes are saved as a new snapshot \
      when you unmount or sync. An empty repository gets a bare git repository to push to.

      EXAMPLES
        restic-gitfs mount -r /srv/vault ~/vault
        restic-gitfs mount vault   (named in ~/.config/restic-gitfs/config.toml)
        restic-gitfs mount -r /srv/vault --tag git --commit-after 5m ~/vault
        restic-gitfs mount -r /srv/vault --snapshot 1a2b3c4d ~/old   (read-only)
        restic-gitfs mount -r /srv/vault --snapshot latest:/srv/git/p.git ~/p   (one folder, read-only)
        restic-gitfs mount -r /srv/vault --foreground -v ~/vault
        restic-gitfs mount -r /srv/vault --json ~/vault
          {"message_type":"mounted","mountpoint":"/home/me/vault","pid":17,"repository":"/srv/vault","snapshot":"…"}
        restic-gitfs mount -r /srv/vault --keep-last 20 --keep-daily 30 ~/vault   (forgets older snapshots)
        restic-gitfs mount -r /srv/vault -o allow_other -o local.connections=2 ~/vault

      SIGNALS
        SIGTERM and SIGINT save and unmount, SIGUSR1 saves.

      With --foreground, the mount tells a service manager (systemd, Type=notify) when it is ready, and reports the progress of the last save.
      """)

  private static let standardFsyncInterval = Duration.seconds(30)
  private static let standardRefresh = Duration.seconds(30)

  @OptionGroup var repository: RepositoryOptions
  @OptionGroup var filter: FilterOptions
  @OptionGroup var storage: StorageOptions
  @OptionGroup var maintenance: MaintenanceOptions
  @OptionGroup(title: "Retention Options") var retention: RetentionOptions
  @OptionGroup var output: OutputOptions

  @Flag(name: .shortAndLong, help: "Stay in the foreground and log to standard error.")
  var foreground = false

  @Flag(help: "Allow no changes.")
  var readOnly = false

  @Flag(help: "Take no lock, not even while mounting; for read-only mounts.")
  var noLock = false

  @Option(
    help: ArgumentHelp(
      "The snapshot to show: an id (read-only), or latest. latest:/srv/p.git shows only that folder (read-only).",
      valueName: "id[:folder]"),
    completion: SnapshotCompletion.kind)
  var snapshot = "latest"

  @Flag(
    help: "Accept that the storage shows an older state of the repository than this machine has seen.")
  var acceptRollback = false

  @Flag(name: .customLong("no-git-init"), help: "Leave an empty repository empty.")
  var leavesEmpty = false

  @Flag(help: "Let other users in (needs user_allow_other in /etc/fuse.conf).")
  var allowOther = false

  @Flag(help: "Allow files on the mount to be run as programs, git hooks among them.")
  var exec = false

  @Flag(
    help: """
      Show git's config files without commands and paths, and refuse changes to them: for a repository that others write to.
      """)
  var safeConfig = false

  @Option(
    help: ArgumentHelp(
      "Save after this long without writes, for example 5m (default: only at sync and unmount).",
      valueName: "duration"),
    transform: Duration.parse)
  var commitAfter: Duration?

  @Option(
    help: ArgumentHelp(
      "Make at most one snapshot in this time for programs that fsync the mount's root; 0: one for each fsync (default: \(standardFsyncInterval.optionText)).",
      valueName: "duration"),
    transform: Duration.parse)
  var fsyncInterval = standardFsyncInterval

  @Option(
    help: ArgumentHelp(
      "How often to look for newer snapshots while the mount has no changes; 0 turns this off (default: \(standardRefresh.optionText)).",
      valueName: "duration"),
    transform: Duration.parse)
  var refresh = standardRefresh

  @Flag(help: "Print JSON once the mount is ready.")
  var json = false

  @Option(
    help: ArgumentHelp(
      "Write metrics for Prometheus to this file every 15 seconds: NAME.prom in node_exporter's textfile folder.",
      valueName: "file"), completion: .file())
  var metricsFile: String?

  /// Of a new bare repository.
  @Option(help: .hidden)
  var objectFormat = ObjectFormat.sha1

  @Option(help: .hidden)
  var readyFd: Int32?

  /// A mount for one program: it ends with this descriptor, and what was not synced then is dropped (`Lifeline`).
  @Option(help: .hidden)
  var exitWithFd: Int32?

  /// A mount for one program after the other: it ends when none has used it for so long (`KeepAlive`).
  @Option(help: .hidden, transform: Duration.parse)
  var keepAlive: Duration?

  /// The file by which those programs find it.
  @Option(help: .hidden)
  var keepAliveFile: String?

  /// The remote whose settings in git's configuration some of the options come from (`RemoteSetting`).
  @Option(help: .hidden)
  var remoteName: String?

  /// The location as mount(8) has it: what is mounted has to have the same name, or `mount -a` would mount it once more.
  @Option(help: .hidden)
  var sourceName: String?

  /// The folder that the program takes for a git repository.
  @Option(help: .hidden)
  var gitFolder = ""

  /// The mountpoint, after the repository's name if it has one (`MountPlaces`).
  @Argument(
    help: ArgumentHelp(
      "An empty folder. Before or instead of it, you can name a repository from the configuration file.",
      valueName: "mountpoint"), completion: RepositoryCompletion.kind)
  var places: [String] = []

  func validate() throws {
    guard places.count > 2 || places.count == 2 && repository.repository != nil else { return }
    throw ValidationError(
      "mount takes one argument, the mountpoint; if '\(places[0])' is the repository, write -r before it: mount -r \(ShellWord(places[0])) \(ShellWord(places[1]))"
    )
  }

  func run(in context: CommandContext) async throws {
    guard foreground || readyFd != nil else {
      throw CommandError.silent(try DetachedMount.start(in: context))
    }
    let places = try namedPlaces(context.environment)
    var (command, context) = (self, context)
    if let name = places.name {
      command.repository.repository = name
      context.environment = context.environment.withoutRepository
    }
    let entry = try command.repository.entry(context.environment)
    try command.complete(by: entry)
    guard let mountpoint = places.mountpoint ?? entry?[.mountpoint] else {
      throw CommandError(
        "no mountpoint is given: name an empty folder"
          + (entry.map { ", or add mountpoint = \"…\" to \($0.file)" } ?? ""))
    }
    try await command.serve(at: mountpoint, in: context)
  }

  /// What the arguments name.
  private func namedPlaces(_ environment: Environment) throws(CommandError) -> MountPlaces {
    try MountPlaces(
      places, isGiven: repository.repository != nil || repository.repositoryFile != nil,
      isPreset: environment[.repository] != nil || environment[.repositoryFile] != nil
    ) { name throws(CommandError) in try environment.namedRepository(name) != nil }
  }

  /// Takes over what the configuration file says and the command line does not.
  private mutating func complete(by entry: NamedRepository?) throws(CommandError) {
    guard let entry else { return }
    repository = try repository.completed(by: entry)
    filter = filter.completed(by: entry)
    storage = storage.completed(by: entry)
    readOnly = readOnly || entry.isOn(.readOnly)
    guard !isForGit else { return }
    allowOther = allowOther || entry.isOn(.allowOther)
    if commitAfter == nil { commitAfter = try entry.duration(.commitAfter) }
  }

  /// Mounts at `mountpoint`, and serves until the mount is gone.
  private func serve(at mountpoint: String, in context: CommandContext) async throws {
    try exitWithFd.map { descriptor throws(CommandError) in try Lifeline(descriptor: descriptor) }?.watch()
    let kept = try keepAliveFile.map { path throws(CommandError) in
      try KeepAlive(file: FilePath(path), mountpoint: FilePath(mountpoint), duration: keepAlive ?? .zero)
    }
    kept?.watch()
    defer { kept?.removeFile() }
    let location = try repository.location(context.environment)
    let path = try Mountpoint.checked(
      mountpoint, repository: location.localPath, table: try MountTable.loadForCommand())
    let logger = try output.makeLogger(context.log)
    let memory = try storage.memoryBudget(logger: logger)
    var configuration = try configuration(
      mountpoint: path, location: location, memory: memory, context.environment)
    configuration.announcesInJSON = json
    configuration.metricsFile = try metricsFile.map { file throws(CommandError) in try MetricsFile.checked(file) }
    let settings = try storage.settings(memory, logger: logger, context.environment)
    let readiness = try readyFd.map { descriptor throws(CommandError) in try Readiness(descriptor: descriptor) }

    // A process in the background is not the one that a service manager has started.
    let report = ServiceReport(to: readiness == nil ? context.notifySocket : nil)
    let waiting = WaitingLine(isQuiet: output.quiet, log: context.log)
    let opened = try await report.starting("opening \(location)", settings.waiting) {
      try await waiting.showing(settings.waiting) {
        try await repository.open(
          at: location, options: try mountOptions().storage, settings: settings, isForGit: isForGit,
          reading: .everything, in: context)
      }
    }
    let server = MountServer(
      repository: opened, configuration: configuration, logger: logger, isQuiet: output.quiet, report: report,
      context: context)
    do {
      throw CommandError.silent(try await server.serve(readiness: readiness))
    } catch let error as RepositoryError {
      throw CommandError(error, location: location.description)
    }
  }

  /// What the file system is told.
  func configuration(
    mountpoint: FilePath, location: BackendLocation, memory: MemoryBudget? = nil, _ environment: Environment
  ) throws(CommandError) -> MountConfiguration {
    let filter = filter.filter(environment)
    let listed = try mountOptions()
    guard let gitFolder = SnapshotSelection.folder(gitFolder) else {
      throw CommandError("--git-folder is for git-remote-restic; leave it out")
    }
    guard let selection = SnapshotSelection(snapshot, matching: filter) else {
      throw CommandError("--snapshot \(snapshot): the folder must be a path inside the snapshot, without '..'")
    }

    let isReadOnly = readOnly || listed.isReadOnly || selection.followed == nil
    if noLock, !isReadOnly {
      throw CommandError("--no-lock is for read-only mounts: add --read-only")
    }

    let retention = retention.policy
    if isReadOnly, !isForGit, !retention.isEmpty {
      throw CommandError("--keep-… is for mounts that save: this one is read-only")
    }

    return MountConfiguration(
      mountpoint: mountpoint, isReadOnly: isReadOnly, takesLock: !noLock, selection: selection,
      createsBareRepository: !leavesEmpty, fileSystemName: sourceName.map(URLPassword.hidden) ?? "restic:\(location)",
      allowsOther: allowOther || listed.allowsOther, allowsExecution: exec || listed.allowsExecution,
      otherOptions: listed.others, isForOneProgram: isForGit, gitFolder: gitFolder, showsSafeConfiguration: safeConfig,
      objectFormat: objectFormat, staysForNext: keepAliveFile != nil, commitAfter: commitAfter,
      fsyncInterval: fsyncInterval, retention: retention, refreshInterval: refresh == .zero || isForGit ? nil : refresh,
      housekeeping: maintenance.limits, housekeepingQuiet: maintenance.maintenanceQuiet,
      memory: memory ?? storage.memoryLimit, acceptsRollback: acceptRollback,
      retryLock: repository.retryLock,
      trace: environment[.trace],
      identity: SnapshotIdentity(following: filter))
  }

  /// What stands after `-o`. A program that mounts for itself has options of the storage only.
  private func mountOptions() throws(CommandError) -> MountOptionList {
    isForGit ? MountOptionList(storage: repository.options) : try MountOptionList(repository.options)
  }

  /// Whether git-remote-restic has started it.
  private var isForGit: Bool { exitWithFd != nil || keepAliveFile != nil }
}
