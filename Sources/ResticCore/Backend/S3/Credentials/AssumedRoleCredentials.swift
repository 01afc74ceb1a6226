/// Credentials of a role that is assumed with other credentials: RESTIC_AWS_ASSUME_ROLE_ARN and related variables.
struct AssumedRoleCredentials: CredentialProvider {
  let base: any CredentialProvider
  let environment: S3Environment
  /// The repository's region, if it is known.
  let region: String?
  let makeTransport: TransportMaker
  /// The token service's clock.
  var clock = ServerClock()

  func credentials() async throws(CredentialError) -> S3Credentials? {
    guard let own = try await base.credentials() else { return nil }
    guard let role = environment[.assumedRole] else { return own }
    let service = try TokenService(
      url: environment[.assumedTokenService], region: environment[.assumedRegion] ?? region,
      makeTransport: makeTransport, clock: clock)
    return try await service.assume(
      TokenService.Role(
        name: role, sessionName: environment[.assumedSessionName], externalID: environment[.assumedExternalID],
        policy: environment[.assumedPolicy]),
      as: own)
  }
}
