/// Why there are no credentials. The text names the source and never a secret.
struct CredentialError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What is wrong, and what to change.
  let description: String
  /// Whether the error may pass without any change: a service did not answer.
  let isPassing: Bool

  /// A permanent error, unless `isPassing`.
  init(_ description: String, isPassing: Bool = false) {
    self.description = description
    self.isPassing = isPassing
  }
}
