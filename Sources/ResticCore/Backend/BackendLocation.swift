public import SystemPackage

/// Where a repository is, as a person writes it after `-r`: `/srv/vault`, `vault`, `local:/srv/vault`.
public enum BackendLocation: Hashable, Sendable, CustomStringConvertible {
  /// A folder of this machine, absolute or relative to the working directory.
  case local(FilePath)

  /// restic's other kinds of storage, by the word before the colon.
  private static let otherSchemes: Set<String> = [
    "azure", "b2", "gs", "rclone", "rest", "s3", "sftp", "swift",
  ]
  private static let localScheme = "local"
  /// All of restic's kinds of storage.
  static let schemes = otherSchemes.union([localScheme])

  /// The kind of storage, which its options begin with.
  var scheme: String {
    switch self {
    case .local: Self.localScheme
    }
  }

  /// The location that `text` spells, by restic's rules: a known scheme, else a path; a text with a colon that does not
  /// begin with `/`, `./` or `../` is refused, since it is more likely a mistyped scheme than a folder.
  public static func parse(_ text: String) throws(BackendLocationError) -> BackendLocation {
    guard !text.isEmpty else { throw .empty }
    let isPath = ["/", "./", "../"].contains { text.hasPrefix($0) }
    guard !isPath, let colon = text.firstIndex(of: ":") else { return .local(FilePath(text)) }

    let scheme = String(text[..<colon])
    let rest = String(text[text.index(after: colon)...])
    switch scheme {
    case localScheme:
      guard !rest.isEmpty else { throw .empty }
      return .local(FilePath(rest))
    case _ where otherSchemes.contains(scheme):
      throw .notSupported(scheme: scheme)
    default:
      throw .unknownScheme(scheme)
    }
  }

  /// The backend at this location, without decorators. Touches nothing yet.
  public func makeBackend() -> any Backend {
    switch self {
    case .local(let path): LocalBackend(path: path)
    }
  }

  /// The folder's path.
  public var description: String {
    switch self {
    case .local(let path): path.string
    }
  }
}

/// Why a text names no repository. Never holds more of the text than its scheme: the rest may contain a password.
public enum BackendLocationError: Error, Hashable, Sendable {
  /// Nothing, or nothing after `local:`.
  case empty
  /// A kind of storage that restic knows and this program does not (yet).
  case notSupported(scheme: String)
  /// Neither a scheme nor clearly a path.
  case unknownScheme(String)
}

extension BackendLocationError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .empty:
      "the repository's location is empty: give a folder, for example -r /srv/vault"
    case .notSupported(let scheme):
      "\(scheme): repositories are not supported: give a folder, for example -r /srv/vault"
    case .unknownScheme(let scheme):
      "unknown kind of storage \"\(scheme)\": if a folder is meant, write local: or ./ before it"
    }
  }
}
