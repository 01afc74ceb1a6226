import Glibc
import NamedRepositories
import ProcessPrivacy
import SystemPackage

/// The location of the restic repository: the text after `restic::`.
struct RemoteLocation: Hashable, Sendable, CustomStringConvertible {
  /// restic's schemes for locations that are not folders.
  private static let schemes: Set<Substring> = ["s3", "sftp", "rest", "rclone", "b2", "gs", "azure", "swift"]

  /// The location as `restic-gitfs -r` and restic accept it; a folder is absolute.
  let text: String
  /// The repository of the configuration file, if the URL names one: `restic::vault`.
  let named: NamedRepository?

  /// For messages: the location without a password.
  var description: String { URLPassword.hidden(in: text) }

  /// The location that git's `url` names. Relative folders count from where git runs, as for the Go git-remote-restic.
  ///
  /// A name that a configuration file has counts before a folder of that name. `variable`: the variables that say where the
  /// files are.
  init(_ url: String, _ variable: (String) -> String? = { _ in nil }) throws(HelperError) {
    let location = url.hasPrefix("restic::") ? String(url.dropFirst("restic::".count)) : url
    guard !location.hasPrefix("restic://"), !location.isEmpty else {
      throw HelperError("a URL is restic:: followed by a location as restic takes it, for example restic::/srv/vault")
    }
    guard !location.utf8.contains(where: { $0 == 0 || $0 == UInt8(ascii: "\n") }) else {
      throw HelperError("a location cannot contain a newline")
    }
    named = try Self.named(location, variable)
    if let named {
      text = named.location
      return
    }
    guard !Self.hasRcloneOptions(location) else {
      throw HelperError(
        "a URL must not contain options of an rclone remote, because they can name a command: make a remote with `rclone config`"
      )
    }
    if let colon = location.firstIndex(of: ":"), Self.schemes.contains(location[..<colon]) {
      text = location
      return
    }
    let folder = location.hasPrefix("local:") ? String(location.dropFirst("local:".count)) : location
    guard !folder.isEmpty else { throw HelperError("local: needs a folder, for example restic::local:/srv/vault") }
    text = "local:\(Self.absolute(FilePath(folder)))"
  }

  /// The location as an argument for `restic-gitfs`, which reads the configuration file itself.
  var argument: String { named?.name ?? text }

  /// Everything in which two mounts of a location may differ.
  var identity: [String] { [description] + (named?.fingerprint ?? []) }

  private static func named(
    _ location: String, _ variable: (String) -> String?
  ) throws(HelperError) -> NamedRepository? {
    do throws(ConfigurationError) {
      return try NamedRepositories.find(location, variable)
    } catch {
      throw HelperError(error.description)
    }
  }

  /// Whether it is `rclone:NAME,OPTION=VALUE…:PATH`. rclone runs the program that an option such as sftp's `ssh` names,
  /// so a URL from another person would run that person's program. The first comma in a path does not begin an option.
  private static func hasRcloneOptions(_ location: String) -> Bool {
    guard location.hasPrefix("rclone:") else { return false }
    let remote = location.dropFirst("rclone:".count)
    return remote.dropFirst(remote.hasPrefix(":") ? 1 : 0).first { ":,/".contains($0) } == ","
  }

  private static func absolute(_ path: FilePath) -> FilePath {
    guard path.isRelative, let text = getcwd(nil, 0) else { return path.lexicallyNormalized() }
    defer { free(text) }
    return FilePath(platformString: text).pushing(path).lexicallyNormalized()
  }
}
