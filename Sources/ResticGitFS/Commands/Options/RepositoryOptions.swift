import ArgumentParser
import ResticCore
import SystemPackage

/// Which repository, and how to open it: restic's options and variables.
struct RepositoryOptions: ParsableArguments {
  private static let standardRetryLock = Duration.seconds(300)

  @Option(
    name: [.customLong("repo"), .customShort("r", allowingJoined: true)],
    help: ArgumentHelp(
      "The repository, or its name in the configuration file (default: $RESTIC_REPOSITORY).", valueName: "location"),
    completion: RepositoryCompletion.kind)
  var repository: String?

  @Option(
    help: ArgumentHelp("A file that holds the location (default: $RESTIC_REPOSITORY_FILE).", valueName: "file"),
    completion: .file())
  var repositoryFile: String?

  @Option(
    name: [.long, .customShort("p", allowingJoined: true)],
    help: ArgumentHelp("A file that holds the password (default: $RESTIC_PASSWORD_FILE).", valueName: "file"),
    completion: .file())
  var passwordFile: String?

  @Option(
    help: ArgumentHelp(
      "A command that prints the password (default: $RESTIC_PASSWORD_COMMAND).", valueName: "command"))
  var passwordCommand: String?

  @Option(
    help: ArgumentHelp("The id of the key to try first (default: $RESTIC_KEY_HINT).", valueName: "key"))
  var keyHint: String?

  @Option(
    name: .customLong("retry-lock"),
    help: ArgumentHelp(
      "How long to wait for the locks of others, for example 30s (default: \(standardRetryLock.optionText)).",
      valueName: "duration"),
    transform: Duration.parse)
  var retryLockOption: Duration?

  /// How long to wait for others' locks.
  var retryLock: Duration { retryLockOption ?? Self.standardRetryLock }

  @Option(
    name: [.customShort("o", allowingJoined: true), .customLong("option")],
    help: ArgumentHelp(
      "An option of the storage, as in restic: local.connections=N, s3.region=NAME. `mount` also takes options of mount(8) and FUSE.",
      valueName: "key=value"))
  var options: [String] = []

  @OptionGroup(title: "Cache Options") var cache: CacheOptions

  @OptionGroup(title: "Network Options") var network: NetworkOptions

  /// The location of the repository; a folder as an absolute path, a server with the user from the variables.
  ///
  /// As in restic, a variable is the default of its option, so RESTIC_REPOSITORY and `--repository-file` cannot be
  /// combined, as `-r` and `--repository-file` cannot.
  func location(_ environment: Environment) throws(CommandError) -> BackendLocation {
    let given = repository ?? environment[.repository]
    let file = repositoryFile ?? environment[.repositoryFile]
    let text: String
    switch (given, file) {
    case (let given?, nil): text = given
    case (nil, let file?): text = try Self.locationInFile(file)
    case (nil, nil):
      throw CommandError(
        "no repository is given: use -r, --repository-file or RESTIC_REPOSITORY, or a name from the configuration file")
    case (_?, _?):
      throw CommandError(
        "-r (or RESTIC_REPOSITORY) and --repository-file (or RESTIC_REPOSITORY_FILE) exclude each other: give one")
    }
    do throws(BackendLocationError) {
      switch try BackendLocation.parse(text) {
      case .local(let path): return .local(path.absolute())
      case .sftp(let server): return .sftp(server)
      case .rclone(let location): return .rclone(location)
      case .rest(let server):
        let (user, password) = (environment[.restUser], environment[.restPassword])
        guard user != nil || password != nil else { return .rest(server) }
        return .rest(server.withDefault(HTTPCredentials(user: user ?? "", password: password ?? "")))
      case .s3(let bucket): return .s3(bucket)
      }
    } catch {
      throw CommandError(error.description)
    }
  }

  private static func locationInFile(_ file: String) throws(CommandError) -> String {
    let bytes: [UInt8]
    do throws(Errno) {
      bytes = try FileContent.load(FilePath(file))
    } catch {
      throw CommandError("the repository file \(file) cannot be read: \(error)")
    }
    let text = String(decoding: TextFile.trimmed(TextFile.decoded(bytes)), as: UTF8.self)
    guard !text.isEmpty else { throw CommandError("the repository file \(file) is empty; write the location into it") }
    return text
  }
}
