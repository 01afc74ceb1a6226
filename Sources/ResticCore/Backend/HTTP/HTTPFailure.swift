/// Why a request has no answer. The texts name the host and never a secret.
enum HTTPFailure: Error, Hashable, Sendable {
  /// No server could be reached: no such host, nothing listens, or it does not speak HTTP.
  case unreachable(String)
  /// One side does not trust the other's certificate. Waiting does not help.
  case untrusted(String)
  /// The connection broke, or was stuck for too long. It is not known whether the server carried out the request.
  case interrupted(String)
  /// Refused for good: do not try again.
  case refused(String)
  /// The task was cancelled.
  case cancelled
}
