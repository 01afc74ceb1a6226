import ResticCore
import SystemPackage

/// Where the password comes from, by restic's rules: command, file, variable, user; command and file exclude each
/// other.
enum PasswordSource: Sendable {
  /// A command prints it: program and arguments.
  case command([String])
  /// A file holds it.
  case file(FilePath)
  /// RESTIC_PASSWORD held the password.
  case environment(SecureBytes)
  /// None of these: git's credential helpers, standard input or the user (`PasswordReader`).
  case person

  /// The source that `options` and `environment` name. `takePassword` removes RESTIC_PASSWORD from the environment and
  /// returns it.
  static func choose(
    _ options: RepositoryOptions, _ environment: Environment, takePassword: () -> SecureBytes?
  ) throws(CommandError) -> PasswordSource {
    // Always taken, because the password must not stay in the environment.
    let password = takePassword()
    // As in restic, an empty option counts as none, but still overrides its variable.
    func given(_ option: String?, _ variable: Environment.Variable) -> String? {
      (option ?? environment[variable]).flatMap { $0.isEmpty ? nil : $0 }
    }
    let command = given(options.passwordCommand, .passwordCommand)
    let file = given(options.passwordFile, .passwordFile)
    switch (command, file) {
    case (_?, _?):
      throw CommandError("a password file and a password command exclude each other: give one")
    case (let command?, nil):
      return .command(try CommandLineSplitter.words(of: command))
    case (nil, let file?):
      return .file(FilePath(file))
    case (nil, nil):
      return password.map { .environment($0) } ?? .person
    }
  }
}
