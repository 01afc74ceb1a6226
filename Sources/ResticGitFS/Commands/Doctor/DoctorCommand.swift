import ArgumentParser
import Logging

/// `restic-gitfs doctor`: finds out what is wrong with this machine or a repository, and what to do about it.
struct DoctorCommand: ContextualCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Look for what keeps mounts from working, and say what to do.",
    discussion: """
      Looks at this machine: /dev/fuse, fusermount3, git, git-remote-restic, the state folder, the cache, the configuration \
      file and mounts whose process is gone. With a repository also at the storage: whether it is reached, its clock, the \
      password, listings, locks, and what this client may write and remove there. Each check has a time limit. Nothing is \
      changed but for one lock, which is removed again.

      Each line is ok, warning or FAIL. The exit code is 1 if something fails, else 0.

      EXAMPLES
        restic-gitfs doctor
        restic-gitfs doctor -r sftp:user@nas:vault
        restic-gitfs doctor vault    (named in the configuration file)
        restic-gitfs doctor --json -r /srv/vault
      """)

  @OptionGroup var repository: RepositoryOptions
  @OptionGroup var output: OutputOptions

  @Flag(help: "Print one JSON object.")
  var json = false

  @Argument(
    help: ArgumentHelp("A repository that the configuration file names.", valueName: "name"),
    completion: RepositoryCompletion.namesOnly)
  var name: String?

  func validate() throws {
    if name != nil, repository.repository != nil || repository.repositoryFile != nil {
      throw ValidationError("a name and -r exclude each other: give one")
    }
  }

  func run(in context: CommandContext) async throws {
    let logger = try output.makeLogger(context.log)
    var report = DoctorReport()
    func add(_ check: DoctorCheck) {
      report.checks.append(check)
      guard !json, !output.quiet || check.verdict == .fail else { return }
      context.say(check.line)
    }
    let facts = await MachineFacts.current(context.environment, cacheFolder: repository.cache.cacheDir)
    for check in MachineChecks.checks(facts) { add(check) }
    if let look = examination(logger: logger, context, add) { await look.run(add) }
    if json {
      context.say(report.json)
    } else if !output.quiet {
      context.say(report.summary)
    }
    guard !report.isHealthy else { return }
    // A program that reads only standard error learns of the failure, too.
    throw json ? CommandError(report.summary) : CommandError.silent(.failure)
  }

  /// The examination of the repository, if one is given. Errors in the options that name it are reported through `add`.
  private func examination(
    logger: Logger, _ context: CommandContext, _ add: (DoctorCheck) -> Void
  ) -> StorageExamination? {
    var (options, context) = (repository, context)
    if let name {
      options.repository = name
      context.environment = context.environment.withoutRepository
    }
    let environment = context.environment
    let isGiven =
      options.repository != nil || options.repositoryFile != nil || environment[.repository] != nil
      || environment[.repositoryFile] != nil
    guard isGiven else { return nil }
    do throws(CommandError) {
      let entry = try options.entry(environment)
      guard name == nil || entry != nil else {
        add(
          .fail(
            "storage", "no configuration file names a repository '\(name ?? "")'",
            advice: "write -r before it if it is a folder, or add it to the file"))
        return nil
      }
      options = try options.completed(by: entry)
    } catch {
      // The check of the configuration has reported why.
      add(.fail("storage", "the repository's name cannot be looked up", advice: "mend the configuration file"))
      return nil
    }
    return StorageExamination(repository: options, logger: logger, context: context)
  }
}
