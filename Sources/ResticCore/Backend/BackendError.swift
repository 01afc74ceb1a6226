/// Why a backend could not carry out a call. If `isRetryable`, the retrying decorator tries again, and no other code
/// does.
public enum BackendError: Error, Hashable, Sendable {
  /// There is no such file.
  case notFound(BackendFile)
  /// `save` met a file of that name with other bytes.
  case alreadyExists(BackendFile)
  /// The file ends before the requested range does.
  case truncated(BackendFile)
  /// The file has more bytes than are loaded at once; see `BackendFileType.wholeByteLimit`.
  case tooLarge(BackendFile, byteCount: Int)
  /// The file's name belongs to a `kind` of object that is not a plain file.
  case irregular(BackendFile, kind: String)
  /// No space: ENOSPC or EDQUOT.
  case noSpace(String)
  /// The storage refuses: permissions, a read-only medium, an unknown user or a wrong password.
  case denied(String)
  /// There is no repository folder at all.
  case missing(String)
  /// A failure that may pass: I/O errors, timeouts, a network that is down.
  case unavailable(String)
  /// The storage is overloaded, and asks for a pause of this length; zero if it names no length.
  case busy(String, retryAfter: Duration)
  /// The storage cannot be reached: no such host, nothing listens, no network. If it was never reached before, a long
  /// wait is of no use (`RetryPolicy.contactLimit`).
  case unreachable(String)

  /// Whether the same call may succeed later although nobody changes anything.
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
