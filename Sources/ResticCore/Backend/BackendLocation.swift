public import Logging
public import SystemPackage

/// The location of a repository as a person writes it after `-r`: `/srv/vault`, `local:/srv/vault`,
/// `rest:https://nas:8000/vault`, `s3:s3.amazonaws.com/bucket/vault`, `sftp:nas:vault`, `rclone:mycloud:vault`.
public enum BackendLocation: Hashable, Sendable, CustomStringConvertible {
  /// A folder of this machine, absolute or relative to the working directory.
  case local(FilePath)
  /// A REST server.
  case rest(RESTLocation)
  /// A bucket of an S3 server.
  case s3(S3Location)
  /// A folder on an SSH server.
  case sftp(SFTPLocation)
  /// A remote of rclone.
  case rclone(RcloneLocation)

  /// restic's other kinds of storage, by the scheme before the colon.
  private static let otherSchemes: Set<String> = [
    "azure", "b2", "gs", "swift",
  ]
  private static let localScheme = "local"
  private static let rcloneScheme = "rclone"
  private static let restScheme = "rest"
  private static let s3Scheme = "s3"
  private static let sftpScheme = "sftp"
  /// All of restic's kinds of storage.
  static let schemes = otherSchemes.union([localScheme, rcloneScheme, restScheme, s3Scheme, sftpScheme])

  /// The location that `text` spells, by restic's rules: a known scheme, otherwise a path. A text with a colon that
  /// does not begin with `/`, `./` or `../` is refused, because it is more likely a mistyped scheme than a folder.
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
    case rcloneScheme:
      return .rclone(try RcloneLocation(rest))
    case restScheme:
      return .rest(try RESTLocation(rest))
    case s3Scheme:
      return .s3(try S3Location(rest))
    case sftpScheme:
      return .sftp(try SFTPLocation(rest))
    case _ where otherSchemes.contains(scheme):
      throw .notSupported(scheme: scheme)
    default:
      throw .unknownScheme(scheme)
    }
  }

  /// The backend at this location, with as many concurrent calls as its options say. `options`: each `key=value`, for
  /// any storage; `s3`: the identity for requests to S3; `logger`: receives the output of programs that serve a
  /// storage. Makes no request yet.
  public func makeBackend(
    options: [String], transport: TransportOptions, s3: S3Environment = S3Environment(), logger: Logger
  ) throws(OptionError) -> any Backend {
    switch self {
    case .local(let path):
      let options: LocalOptions = try Self.read(options, of: Self.localScheme)
      return LimitedBackend(
        Self.limited(LocalBackend(path: path), transport), connections: options.connections)
    case .rest(let location):
      let options: RESTOptions = try Self.read(options, of: Self.restScheme)
      return LimitedBackend(
        RESTBackend(location, options: transport, hasImmediateListings: options.hasImmediateListings),
        connections: options.connections)
    case .s3(let location):
      let options: S3Options = try Self.read(options, of: Self.s3Scheme)
      return LimitedBackend(
        S3Backend(location, options: options, environment: s3, transport: transport), connections: options.connections)
    case .sftp(let location):
      let options: SFTPOptions = try Self.read(options, of: Self.sftpScheme)
      return LimitedBackend(
        SFTPBackend(location, options, transport: transport, logger: logger), connections: options.connections)
    case .rclone(let location):
      let options: RcloneOptions = try Self.read(options, of: Self.rcloneScheme)
      return LimitedBackend(
        try location.makeBackend(options, transport: transport, logger: logger), connections: options.connections)
    }
  }

  /// `backend` with the rates of `transport`, for a backend whose own transport has no rate limit.
  private static func limited(_ backend: any Backend, _ transport: TransportOptions) -> any Backend {
    guard transport.uploadLimit != nil || transport.downloadLimit != nil else { return backend }
    return RateLimitedBackend(
      backend, uploadLimit: transport.uploadLimit, downloadLimit: transport.downloadLimit)
  }

  private static func read<Options: StorageOptions>(
    _ texts: [String], of scheme: String
  ) throws(OptionError) -> Options {
    var values = try OptionValues(texts, of: scheme)
    let options = try Options(&values)
    try values.finish()
    return options
  }

  /// The folder's path, or the location as restic prints it, with `***` for a password: for messages and the mount table.
  public var description: String {
    switch self {
    case .local(let path): path.string
    case .rest(let location): location.description
    case .s3(let location): location.description
    case .sftp(let location): location.description
    case .rclone(let location): location.description
    }
  }
}

/// Why a text is not a location. Contains no more of the text than its scheme, because the rest may contain a password.
public enum BackendLocationError: Error, Hashable, Sendable {
  /// An empty text, or nothing after `local:`.
  case empty
  /// A kind of storage that restic supports and this program supports only through rclone.
  case notSupported(scheme: String)
  /// The text after the scheme is malformed, for this reason.
  case malformed(scheme: String, String)
  /// Neither a known scheme nor clearly a path.
  case unknownScheme(String)
}

extension BackendLocationError: CustomStringConvertible {
  /// One line that says what is wrong with the location and how to write one that works.
  public var description: String {
    switch self {
    case .empty:
      "the repository's location is empty: give a folder, for example -r /srv/vault"
    case .notSupported(let scheme):
      RcloneType.byScheme[scheme]?.advice(for: scheme)
        ?? "\(scheme): repositories are not supported: use rclone:REMOTE:PATH, with a remote from \"rclone config\""
    case .malformed(let scheme, let reason):
      "the location after \(scheme): cannot be read: \(reason)"
    case .unknownScheme(let scheme):
      "unknown kind of storage \"\(scheme)\": if a folder is meant, write local: or ./ before it"
    }
  }
}
