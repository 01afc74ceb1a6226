/// Why there is no answer to a request. The texts name the host and never a secret.
enum SFTPFailure: Error, Hashable, Sendable {
  /// No server could be talked to: no such host, nobody listens, no network.
  case unreachable(String)
  /// Server, user or program are not as they have to be. Time changes nothing about it.
  case refused(String)
  /// The connection broke, or was stuck for too long. Whether the server did what it was asked for is not known.
  case interrupted(String)
  /// The task was cancelled.
  case cancelled
}
