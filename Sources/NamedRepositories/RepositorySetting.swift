internal import Platform

/// A setting that the configuration file can have for a repository. The raw value is the key: restic's option name
/// without `--`.
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

  /// Where `mount` mounts the repository if the command line names no mountpoint.
  case mountpoint
  case commitAfter = "commit-after"
  case readOnly = "read-only"
  case allowOther = "allow-other"

  /// What form a value must have.
  enum Kind: Sendable {
    /// A text.
    case text
    /// A length of time: `30s`, `5m`.
    case duration
    /// A text that names a file or folder of this machine.
    case file
    /// A text, or a list of texts.
    case texts
    /// Like `texts`, for files.
    case files
    /// A whole number, zero or greater.
    case number
    /// True or false.
    case flag
    /// A table of texts: `options = { "s3.region" = "eu-west-1" }`.
    case table
  }

  /// What form the setting's value must have.
  var kind: Kind {
    switch self {
    case .repository, .passwordCommand, .keyHint, .httpUserAgent, .compression: .text
    case .retryLock, .stuckRequestTimeout, .commitAfter: .duration
    case .passwordFile, .tlsClientCert, .cacheDirectory, .mountpoint: .file
    case .host, .tag, .path: .texts
    case .cacert: .files
    case .limitUpload, .limitDownload, .packSize: .number
    case .insecureTLS, .noCache, .readOnly, .allowOther: .flag
    case .options: .table
    }
  }

  /// The smallest and the largest number that the option accepts.
  var range: ClosedRange<Int> {
    switch self {
    case .packSize: 4...128
    default: 0...Int(Int32.max)
    }
  }

  /// What is wrong with `text`, which is of this `kind`: a phrase that follows the setting's name. Nil if `text` is
  /// valid.
  func problem(with text: String) -> String? {
    switch self {
    case .compression where !Self.compressionModes.contains(text):
      "is one of \(Self.compressionModes.joined(separator: ", "))"
    case .path where !text.hasPrefix("/"): "is an absolute path, as the snapshot has it"
    case .stuckRequestTimeout where Duration(text: text).map { $0 < .seconds(1) } ?? false: "is a second at least"
    default: nil
    }
  }

  /// Source: restic's `--compression`.
  private static let compressionModes = ["auto", "off", "fastest", "better", "max"]
}
