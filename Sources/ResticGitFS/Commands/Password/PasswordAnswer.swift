import ResticCore

/// A password from some source, and what to do once it is known whether it is right.
struct PasswordAnswer: Sendable {
  /// The password; may be empty.
  let password: SecureBytes
  /// The helper to inform whether it was right. Nil if another try would give the same password.
  var credential: GitCredential?
}
