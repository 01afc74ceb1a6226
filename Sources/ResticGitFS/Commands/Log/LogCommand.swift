import ArgumentParser
import Logging
import ResticCore

/// `restic-gitfs log`: shows who moved which ref when, with the old and new values, and how to restore a value.
struct LogCommand: ContextualCommand {
  static let configuration = CommandConfiguration(
    commandName: "log",
    abstract: "Show who moved which git ref when, or bring back what a ref named.",
    discussion: """
      Each line is a ref that a snapshot has with another value than the snapshot before, the newest first: snapshot, time, \
      user and host, what happened, the ref, and its values. A ref was 'moved' forward, or 'forced' to a value that does not \
      follow the old one; git tells the two apart, on a mount of the newest snapshot. The snapshots are those of the mount, \
      or of the one that --host, --tag and --path would mount. What forgotten snapshots did is counted as done by the next one \
      that is left. Refs in reftables are not read.

      EXAMPLES
        restic-gitfs log -r /srv/vault
        restic-gitfs log -r /srv/vault -n 10 main v1.0
        restic-gitfs log main vault    (a repository of the configuration file)
        restic-gitfs log --json ~/vault
        restic-gitfs log -r /srv/vault --restore main@1a2b3c4d
          refs/heads/main of snapshot 1a2b3c4d is refs/restored/1a2b3c4d/heads/main now
        restic-gitfs log --restore main@1a2b3c4d --as rescued ~/vault

      --restore fetches with git from the old snapshot, with all that the ref reaches, whatever a gc has removed since, and \
      saves a snapshot. It makes a new ref and never changes one that is there.
      """)

  @OptionGroup var repository: RepositoryOptions
  @OptionGroup var filter: FilterOptions
  @OptionGroup var storage: StorageOptions
  @OptionGroup var output: OutputOptions

  @Flag(help: "Print JSON: an array of moves; with --restore one object.")
  var json = false

  @Option(name: [.customShort("n", allowingJoined: true), .long], help: "Print so many moves at most.")
  var maxCount: Int?

  @Option(
    help: ArgumentHelp("Bring back what the ref named in that snapshot, as a new ref.", valueName: "ref@snapshot"))
  var restore: String?

  @Option(
    name: .customLong("as"),
    help: ArgumentHelp("The new ref (default: refs/restored/SNAPSHOT/REF); without refs/ a branch.", valueName: "ref"))
  var newRef: String?

  @Option(
    help: ArgumentHelp(
      "Only the git repository in this folder of the tree; --restore needs it where there are several.",
      valueName: "folder"))
  var subfolder: String?

  @Argument(
    help: ArgumentHelp(
      "Refs, and at the end a mountpoint, or a name in the configuration file, in the place of -r.",
      valueName: "ref|mountpoint|name"),
    completion: MountCompletion.withNames)
  var names: [String] = []

  func validate() throws {
    if let maxCount, maxCount < 0 { throw ValidationError("--max-count \(maxCount) is negative") }
    if newRef != nil, restore == nil { throw ValidationError("--as goes with --restore") }
    guard let subfolder, SnapshotSelection.folder(subfolder) == nil else { return }
    throw ValidationError("--subfolder '\(subfolder)': the folder is one of the tree, without '..'")
  }

  func run(in context: CommandContext) async throws {
    let (refs, word) = try split(context.environment)
    guard restore == nil || refs.isEmpty else {
      throw CommandError("--restore names its ref itself: leave '\(refs[0])' out, or give one of the two")
    }
    let chosen = try repository.chosen(by: word, of: "log", context.environment)
    let context = context.with(chosen.environment)
    let repository = chosen.options
    let filter = filter.completed(by: chosen.entry)
    let place = try LogPlace(chosen)
    var settings = Repository.Settings()
    settings.logger = try output.makeLogger(context.log)
    settings.compression = try storage.compressionMode(context.environment)
    let opened = try await repository.open(
      at: place.location, options: repository.options, settings: settings, in: context)
    do {
      let filter = filter.filter(context.environment)
      let group = try await place.group(of: opened, matching: filter, logger: settings.logger)
      if let rollback = group.rollback { context.warn(rollback.message) }
      try await opened.loadIndex()
      let folder = subfolder.flatMap { SnapshotSelection.folder($0) }
      if let restore {
        let restoration = RefRestoration(
          repository: opened, place: place, filter: filter, retryLock: repository.retryLock,
          logger: settings.logger, context: context)
        let restored = try await restoration.run(try RefAtSnapshot(restore), in: folder, as: newRef)
        return context.say(json ? restored.json : restored.text)
      }
      let printing = LogPrinting(
        history: RefHistory(opened, group.snapshots) { context.warn($0) },
        mounts: ServedMounts(opened, in: context.environment, logger: settings.logger), place: place, filter: filter,
        selection: RefSelection(refs, in: folder), maxCount: maxCount, isJSON: json, isQuiet: output.quiet,
        absence: group.absence, context: context)
      try await printing.run()
    } catch let error as RepositoryError {
      throw CommandError(error, location: place.location.description)
    }
  }

  /// The refs among the arguments, and the word that names the repository: the last argument if it is a mount, or, if
  /// neither an option nor a variable names a repository, a name in the configuration file.
  private func split(_ environment: Environment) throws(CommandError) -> (refs: [String], word: RepositoryWord?) {
    guard let last = names.last else { return ([], nil) }
    // Without the table no mount can be found, and every word is a ref or a name.
    let table = (try? MountTable.load()) ?? MountTable(parsing: [])
    if let mount = MountedDirectory.mount(at: last, in: table) { return (names.dropLast(), .mount(mount)) }
    guard !repository.nameRepository(environment) else { return (names, nil) }
    let word = try RepositoryWord(last, in: table, environment)
    if case .neither = word {
      throw CommandError(
        "no repository is given, and '\(last)' is neither a mount nor a repository of the configuration file: use -r, --repository-file or RESTIC_REPOSITORY"
      )
    }
    return (names.dropLast(), word)
  }
}
