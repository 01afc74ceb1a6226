/// One place where credentials may be.
protocol CredentialProvider: Sendable {
  /// The credentials there; nil where nobody has put any. Throws where somebody has, and they cannot be used.
  func credentials() async throws(CredentialError) -> S3Credentials?
}
