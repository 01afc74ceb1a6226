/// What the configuration file can say of a repository. The raw value is the key: restic's option name without `--`.
public enum RepositorySetting: String, CaseIterable, Sendable {
  /// The location, as after `-r`.
  case repository

  case passwordFile = "password-file"
  case passwordCommand = "password-command"
  case keyHint = "key-hint"
  case retryLock = "retry-lock"

  case options
  case cacert
  case tlsClientCert = "tls-client-cert"
  case insecureTLS = "insecure-tls"
  case httpUserAgent = "http-user-agent"
  case stuckRequestTimeout = "stuck-request-timeout"
  case limitUpload = "limit-upload"
  case limitDownload = "limit-download"

  case cacheDirectory = "cache-dir"
  case noCache = "no-cache"

  case host
  case tag
  case path
  case compression
  case packSize = "pack-size"

  /// Where `mount` mounts the repository if nobody says otherwise.
  case mountpoint
  case commitAfter = "commit-after"
  case readOnly = "read-only"
  case allowOther = "allow-other"

  /// What a value has to be.
  enum Kind: Sendable {
    /// A text.
    case text
    /// A text that names a file or folder of this machine.
    case file
    /// A text, or a list of texts.
    case texts
    /// As `texts`, of files.
    case files
    /// A whole number that is not negative.
    case number
    /// True or false.
    case flag
    /// A table of texts: `options = { "s3.region" = "eu-west-1" }`.
    case table
  }

  /// What the value has to be.
  var kind: Kind {
    switch self {
    case .repository, .passwordCommand, .keyHint, .retryLock, .httpUserAgent, .stuckRequestTimeout, .compression,
      .commitAfter:
      .text
    case .passwordFile, .tlsClientCert, .cacheDirectory, .mountpoint: .file
    case .host, .tag, .path: .texts
    case .cacert: .files
    case .limitUpload, .limitDownload, .packSize: .number
    case .insecureTLS, .noCache, .readOnly, .allowOther: .flag
    case .options: .table
    }
  }
}
