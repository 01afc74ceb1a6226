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
    help: ArgumentHelp(
      "A repository: a name in the configuration file, or a mountpoint.", valueName: "name|mountpoint"),
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
    guard name != nil || repository.nameRepository(context.environment) else { return nil }
    do throws(CommandError) {
      let table = try MountTable.loadForCommand()
      let word = try name.map { text throws(CommandError) in try RepositoryWord(text, in: table, context.environment) }
      if case .neither(let text)? = word {
        add(
          .fail(
            "storage", "no configuration file names a repository '\(text)', and it is no mount",
            advice: "write -r before it if it is a folder, or add it to the file"))
        return nil
      }
      let chosen = try repository.chosen(by: word, of: "doctor", context.environment)
      return StorageExamination(
        repository: chosen.options, logger: logger, context: context.with(chosen.environment))
    } catch {
      // If it is the configuration, its check has reported the same.
      add(.fail("storage", error.description, advice: "mend the configuration file, or name the repository with -r"))
      return nil
    }
  }
}
