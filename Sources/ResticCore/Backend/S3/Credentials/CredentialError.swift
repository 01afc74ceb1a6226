/// Why there are no credentials. The text names the source and never a secret.
struct CredentialError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What is wrong, and what to change.
  let description: String
  /// Whether it may be well later without anybody doing anything: a service did not answer.
  let isPassing: Bool

  /// An error that stays until somebody changes something, unless `isPassing`.
  init(_ description: String, isPassing: Bool = false) {
    self.description = description
    self.isPassing = isPassing
  }
}
