/// Why there is no answer to a request. The texts name the host and never a secret.
enum HTTPFailure: Error, Hashable, Sendable {
  /// No server could be talked to: no such host, nobody listens, no HTTP is spoken there.
  case unreachable(String)
  /// One of the two sides does not trust the other's certificate. Time changes nothing about it.
  case untrusted(String)
  /// The connection broke, or was stuck for too long. Whether the server did what it was asked for is not known.
  case interrupted(String)
  /// Somebody has said no, and does not want to be asked again.
  case refused(String)
  /// The task was cancelled.
  case cancelled
}
