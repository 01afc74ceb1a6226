/// Why a request has no answer. The texts name the host and never a secret.
enum SFTPFailure: Error, Hashable, Sendable {
  /// No server could be reached: no such host, nothing listens, no network.
  case unreachable(String)
  /// Server, user or program are not set up correctly. Waiting does not help.
  case refused(String)
  /// The connection broke, or was stuck for too long. It is not known whether the server carried out the request.
  case interrupted(String)
  /// The task was cancelled.
  case cancelled
}
