/// Credentials in variables: Amazon's names, each in two spellings, or MinIO's.
struct EnvironmentCredentials: CredentialProvider {
  /// The naming scheme.
  enum Names: Sendable {
    case amazon
    case minio
  }

  let names: Names
  let environment: S3Environment

  func credentials() throws(CredentialError) -> S3Credentials? {
    switch names {
    case .amazon:
      return try pair([.accessKeyID, .accessKey], [.secretAccessKey, .secretKey], token: environment[.sessionToken])
    case .minio:
      // MinIO's variables count only as a pair.
      if environment[.minioRootUser] != nil, environment[.minioRootPassword] != nil {
        return try pair([.minioRootUser], [.minioRootPassword])
      }
      return try pair([.minioAccessKey], [.minioSecretKey])
    }
  }

  private func pair(
    _ keys: [S3Environment.Variable], _ secrets: [S3Environment.Variable], token: String? = nil
  ) throws(CredentialError) -> S3Credentials? {
    let (key, secret) = (keys.first { environment[$0] != nil }, secrets.first { environment[$0] != nil })
    switch (key, secret) {
    case (nil, nil): return nil
    case (let key?, nil): throw CredentialError("\(key.rawValue) is set but \(secrets[0].rawValue) is empty")
    case (nil, let secret?): throw CredentialError("\(secret.rawValue) is set but \(keys[0].rawValue) is empty")
    case (let key?, let secret?):
      return try S3Credentials(
        accessKeyID: environment[key] ?? "", secret: environment[secret] ?? "", sessionToken: token,
        source: key.rawValue)
    }
  }
}
