import ResticCore

/// A password that somebody gave, and what to do once it is known whether it is right.
struct PasswordAnswer: Sendable {
  /// The password; may be empty.
  let password: SecureBytes
  /// Who hears whether it was right. Nil where another try would give the same again.
  var credential: GitCredential?
}
