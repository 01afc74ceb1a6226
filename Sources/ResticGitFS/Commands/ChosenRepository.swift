import NamedRepositories
import ResticCore

/// The repository on which a command works: that of `-r` or of a variable, or the one that an argument names.
struct ChosenRepository: Sendable {
  /// The options, completed by the configuration file.
  var options: RepositoryOptions
  /// The repository's entry in the configuration file; nil if it has none.
  var entry: NamedRepository?
  /// The variables, without those that name another repository.
  var environment: Environment
  /// The mount that the argument names, with its status.
  var mount: (directory: MountedDirectory, status: MountStatus)?

  /// Where the repository is.
  var location: BackendLocation {
    get throws(CommandError) { try options.location(environment) }
  }
}

extension RepositoryOptions {
  /// Whether an option or a variable names a repository.
  func nameRepository(_ environment: Environment) -> Bool {
    hasRepository || environment[.repository] != nil || environment[.repositoryFile] != nil
  }

  private var hasRepository: Bool { repository != nil || repositoryFile != nil }

  /// As `chosen(by:of:_:)`, for the argument `word`.
  func chosen(
    by word: String?, of command: String, _ environment: Environment
  ) throws(CommandError) -> ChosenRepository {
    guard let word else { return try chosen(by: RepositoryWord?.none, of: command, environment) }
    let read = try RepositoryWord(word, in: try MountTable.loadForCommand(), environment)
    return try chosen(by: read, of: command, environment)
  }

  /// The repository that `word`, the argument of `command`, names. Without an argument: the one that these options or
  /// variables name. Options that the command line does not have come from the configuration file.
  func chosen(
    by word: RepositoryWord?, of command: String, _ environment: Environment
  ) throws(CommandError) -> ChosenRepository {
    switch word {
    case nil:
      let entry = try entry(environment)
      return ChosenRepository(options: try completed(by: entry), entry: entry, environment: environment)
    case .neither(let text)?:
      throw RepositoryWord.refusal(of: text, command: command)
    case .named(let entry)?:
      guard !hasRepository else {
        throw CommandError(
          "'\(entry.name)' is a repository of the configuration file, and -r names one: give one of them")
      }
      return ChosenRepository(
        options: try completed(by: entry), entry: entry, environment: environment.withoutRepository)
    case .mount(let mount)?:
      return try chosen(by: mount, environment)
    }
  }

  private func chosen(
    by mount: MountedDirectory, _ environment: Environment
  ) throws(CommandError) -> ChosenRepository {
    let status = try mount.status()
    var given = try chosen(by: RepositoryWord?.none, of: "", environment)
    given.mount = (mount, status)
    if hasRepository { return given }
    // The variables may name the same repository with a user and a password, which a mount does not tell. Without a
    // repository in the variables there is no location.
    if let named = try? given.location, named.description == status.repository { return given }
    var options = self
    options.repository = status.repository
    return ChosenRepository(
      options: options, environment: environment.withoutRepository, mount: (mount, status))
  }
}
