/// One place that may have credentials.
protocol CredentialProvider: Sendable {
  /// The credentials there; nil if there are none. Throws if there are credentials that cannot be used.
  func credentials() async throws(CredentialError) -> S3Credentials?
}
