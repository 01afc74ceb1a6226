/// The repositories that the configuration files name.
///
///     [repositories.vault]
///     repository = "sftp:user@nas:vault"
///     password-command = "pass show vault"
///     mountpoint = "~/vault"
///
/// The user's file is `$RESTIC_GITFS_CONFIG`, else `$XDG_CONFIG_HOME/restic-gitfs/config.toml`, else
/// `~/.config/restic-gitfs/config.toml`. `/etc/restic-gitfs/config.toml` names repositories for all users; the user's
/// file takes precedence. If `RESTIC_GITFS_CONFIG` is set, no other file is read.
///
/// The program runs the commands that these files name, so it refuses a file that another user may write
/// (`TrustedFile`).
public struct NamedRepositories: Hashable, Sendable {
  /// The file for all users.
  public static let systemFile = "/etc/restic-gitfs/config.toml"
  /// The variables that say where the user's file is.
  public static let variables = ["RESTIC_GITFS_CONFIG", "XDG_CONFIG_HOME", "HOME"]

  /// The repositories by name.
  private let repositories: [String: NamedRepository]
  /// The files that were read.
  public let files: [String]

  /// Creates an empty set of repositories, as without configuration files.
  public init() {
    self.init(repositories: [:], files: [])
  }

  private init(repositories: [String: NamedRepository], files: [String]) {
    self.repositories = repositories
    self.files = files
  }

  /// All names, sorted.
  public var names: [String] { repositories.keys.sorted() }

  /// The repository `name`; nil if no file names it.
  public subscript(name: String) -> NamedRepository? { repositories[name] }

  /// Whether a configuration file can use `text` as a repository's name: letters, digits, `-`, `_` and `.`, with a
  /// letter or digit first. Any other folder name must be written with a slash or a colon to be taken as a location.
  public static func isName(_ text: String) -> Bool {
    func isLetterOrDigit(_ byte: UInt8) -> Bool {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
      default: false
      }
    }
    guard let first = text.utf8.first, isLetterOrDigit(first), text.utf8.count <= 64 else { return false }
    return text.utf8.allSatisfy { isLetterOrDigit($0) || "-_.".utf8.contains($0) }
  }

  /// The repository that `text`, a location as the user writes it, names; nil if it names none. Reads the files only if
  /// `text` could be a name. `variable` returns the value of one of `variables`.
  public static func find(
    _ text: String, _ variable: (String) -> String?
  ) throws(ConfigurationError) -> NamedRepository? {
    guard isName(text) else { return nil }
    return try load(variable)[text]
  }

  /// Reads the configuration files. `system` is the file for all users.
  public static func load(
    _ variable: (String) -> String?, system: String = systemFile
  ) throws(ConfigurationError) -> NamedRepositories {
    func value(_ name: String) -> String? { variable(name).flatMap { $0.isEmpty ? nil : $0 } }
    let home = value("HOME")
    var repositories: [String: NamedRepository] = [:]
    var files: [String] = []
    if let file = value("RESTIC_GITFS_CONFIG") {
      guard let bytes = try TrustedFile.load(file) else {
        throw ConfigurationError("\(file), which RESTIC_GITFS_CONFIG names, does not exist")
      }
      repositories = try read(bytes, file: file, home: home)
      files.append(file)
    } else {
      for file in [userFile(value), system].compactMap(\.self) {
        guard let bytes = try TrustedFile.load(file) else { continue }
        repositories.merge(try read(bytes, file: file, home: home)) { first, _ in first }
        files.append(file)
      }
    }
    return NamedRepositories(repositories: repositories, files: files)
  }

  /// The path of the user's own file, which may not exist; nil if this user has no home folder.
  private static func userFile(_ value: (String) -> String?) -> String? {
    if let folder = value("XDG_CONFIG_HOME"), folder.hasPrefix("/") { return "\(folder)/restic-gitfs/config.toml" }
    return value("HOME").flatMap { $0.hasPrefix("/") ? "\($0)/.config/restic-gitfs/config.toml" : nil }
  }
}
