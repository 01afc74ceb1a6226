/// The repositories that configuration files give names to.
///
///     [repositories.vault]
///     repository = "sftp:user@nas:vault"
///     password-command = "pass show vault"
///     mountpoint = "~/vault"
///
/// The user's file is `$RESTIC_GITFS_CONFIG`, else `$XDG_CONFIG_HOME/restic-gitfs/config.toml`, else
/// `~/.config/restic-gitfs/config.toml`. `/etc/restic-gitfs/config.toml` holds names for all users; the user's file counts
/// first. With `RESTIC_GITFS_CONFIG` no other file is read.
///
/// The files name commands that run, so a file that somebody else may write is refused (`TrustedFile`).
public struct NamedRepositories: Hashable, Sendable {
  /// The file for all users.
  public static let systemFile = "/etc/restic-gitfs/config.toml"
  /// The variables that say where the user's file is.
  public static let variables = ["RESTIC_GITFS_CONFIG", "XDG_CONFIG_HOME", "HOME"]

  /// By name.
  private let repositories: [String: NamedRepository]
  /// The files that were read.
  public let files: [String]

  /// No names: there are no files.
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

  /// Whether a file could name a repository so: letters, digits, `-`, `_` and `.`, a letter or digit first. Everything that
  /// a folder can be called beside that is written with a slash or a colon.
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

  /// The repository that `text`, a location as a person writes it, names; nil if it names none. Reads the files only if it
  /// could be a name. `variable` gives the value of one of `variables`.
  public static func find(
    _ text: String, _ variable: (String) -> String?
  ) throws(ConfigurationError) -> NamedRepository? {
    guard isName(text) else { return nil }
    return try load(variable)[text]
  }

  /// What the files name. `system`: the file for all users.
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

  /// The user's own file, there or not; nil where this user has no home.
  private static func userFile(_ value: (String) -> String?) -> String? {
    if let folder = value("XDG_CONFIG_HOME"), folder.hasPrefix("/") { return "\(folder)/restic-gitfs/config.toml" }
    return value("HOME").flatMap { $0.hasPrefix("/") ? "\($0)/.config/restic-gitfs/config.toml" : nil }
  }
}
