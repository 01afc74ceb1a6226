/// Why a backend could not do what it was asked. `isRetryable`: the retrying decorator tries again, and nobody after it.
public enum BackendError: Error, Hashable, Sendable {
  /// There is no such file.
  case notFound(BackendFile)
  /// `save` met a file of that name with other bytes.
  case alreadyExists(BackendFile)
  /// The file ends before the requested range does.
  case truncated(BackendFile)
  /// The file has more bytes than are taken at once; see `BackendFileType.wholeByteLimit`.
  case tooLarge(BackendFile, byteCount: Int)
  /// What has the file's name is no plain file but a `kind`.
  case irregular(BackendFile, kind: String)
  /// No room: ENOSPC or EDQUOT.
  case noSpace(String)
  /// The storage is there and says no: permissions, read-only medium, a user or password that it does not know.
  case denied(String)
  /// There is no repository folder at all.
  case missing(String)
  /// Anything that may go through later: I/O errors, timeouts, a network that is away.
  case unavailable(String)
  /// The storage has too much to do, and wants to be left alone for so long; zero where it does not say for how long.
  case busy(String, retryAfter: Duration)
  /// Nobody is there to be asked: no such host, nothing listens, no network. Before anybody ever was, waiting for long is
  /// of no use (`RetryPolicy.contactLimit`).
  case unreachable(String)

  /// Whether the same call may succeed later without anybody doing anything.
  public var isRetryable: Bool {
    switch self {
    case .unavailable, .busy, .unreachable: true
    case .notFound, .alreadyExists, .truncated, .tooLarge, .irregular, .noSpace, .denied, .missing: false
    }
  }
}

extension BackendError: CustomStringConvertible {
  /// The message for a person: it names the file, or is the message that the case carries.
  public var description: String {
    switch self {
    case .notFound(let file): "\(file) does not exist"
    case .alreadyExists(let file): "\(file) already exists with different content"
    case .truncated(let file): "\(file) is shorter than it should be"
    case .tooLarge(let file, let byteCount): "\(file) is too large: \(byteCount) bytes"
    case .irregular(let file, let kind): "\(file) is \(kind) instead of a file"
    case .noSpace(let message): "no space left: \(message)"
    case .denied(let message): "not permitted: \(message)"
    case .missing(let message): message
    case .unavailable(let message): message
    case .busy(let message, _): message
    case .unreachable(let message): message
    }
  }
}
