/// Credentials of a role that is assumed with a token in a file: AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN, as in a
/// pod of EKS.
struct WebIdentityCredentials: CredentialProvider {
  let environment: S3Environment
  let makeTransport: TransportMaker

  func credentials() async throws(CredentialError) -> S3Credentials? {
    guard let path = environment[.webIdentityTokenFile] else { return nil }
    guard let role = environment[.role] else {
      throw CredentialError("AWS_WEB_IDENTITY_TOKEN_FILE is set but AWS_ROLE_ARN is empty")
    }
    // The file is replaced from time to time.
    guard let bytes = try await CredentialFile.load(path) else {
      throw CredentialError("there is no file \(path) (AWS_WEB_IDENTITY_TOKEN_FILE)")
    }
    let service = try TokenService(
      url: environment[.tokenService], region: environment[.region], makeTransport: makeTransport)
    return try await service.assume(
      TokenService.Role(name: role, sessionName: environment[.roleSessionName]),
      withIdentity: String(decoding: bytes, as: UTF8.self).trimmedOfSpace)
  }
}
