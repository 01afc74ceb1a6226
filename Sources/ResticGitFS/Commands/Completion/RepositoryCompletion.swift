import ArgumentParser
import Glibc
import NamedRepositories

/// What a shell offers where a repository is expected: the names of the configuration files, and folders.
enum RepositoryCompletion {
  /// The arguments with which the program prints the names, one a line.
  static let namesArguments = "---completion doctor -- positional@0 0 0"
  /// The command line that ArgumentParser writes into its scripts. `CompletionScript` puts the shell's folders beside it.
  static let namesCommand = "restic-gitfs \(namesArguments)"

  /// For an argument that is a name or a folder.
  static var kind: CompletionKind { .shellCommand(namesCommand) }

  /// For an argument that is a name. It has to be that of `doctor`, which `namesArguments` asks.
  static var namesOnly: CompletionKind {
    .custom { _, _, prefix in names(for: prefix) }
  }

  /// The names that begin with `prefix`.
  static func names(for prefix: String) -> [String] { named.names.filter { $0.hasPrefix(prefix) } }

  /// What this user's configuration files name.
  static var named: NamedRepositories {
    // A file that is not used offers nothing. The command itself says why, and `doctor` does.
    (try? NamedRepositories.load { name in getenv(name).map { String(cString: $0) } }) ?? NamedRepositories()
  }
}
