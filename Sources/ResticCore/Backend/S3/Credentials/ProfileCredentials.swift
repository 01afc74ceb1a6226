/// Credentials of a profile in Amazon's files, or of the program that it names.
struct ProfileCredentials: CredentialProvider {
  let environment: S3Environment

  func credentials() async throws(CredentialError) -> S3Credentials? {
    let profiles = try await profiles()
    let name = environment[.profile] ?? "default"
    guard let settings = profiles.settings(of: name) else {
      // A profile that is named explicitly must exist.
      guard environment[.profile] != nil else { return nil }
      throw CredentialError("there is no profile \"\(name)\" in ~/.aws/credentials and ~/.aws/config (AWS_PROFILE)")
    }
    let source = "profile \(name)"
    switch (Self.value("aws_access_key_id", settings), Self.value("aws_secret_access_key", settings)) {
    case (let key?, let secret?):
      return try S3Credentials(
        accessKeyID: key, secret: secret, sessionToken: Self.value("aws_session_token", settings), source: source)
    case (nil, nil):
      break
    default:
      throw CredentialError("\(source) has only one of aws_access_key_id and aws_secret_access_key; set both")
    }
    if settings.keys.contains(where: { $0.hasPrefix("sso_") }) {
      throw CredentialError(
        """
        \(source) signs in through AWS SSO, which is not supported: make a profile with credential_process = aws configure \
        export-credentials --profile \(name) --format process
        """)
    }
    if let command = Self.value("credential_process", settings) {
      return try await CredentialProcess(command: command, source: source).credentials()
    }
    if settings["role_arn"] != nil {
      throw CredentialError("\(source) assumes a role, which is not read from files: use RESTIC_AWS_ASSUME_ROLE_ARN")
    }
    return nil
  }

  private func profiles() async throws(CredentialError) -> AWSProfiles {
    var profiles = AWSProfiles()
    let files: [(S3Environment.Variable, String, AWSProfiles.Kind)] = [
      (.configFile, "config", .config), (.credentialsFile, "credentials", .credentials),
    ]
    for (variable, name, kind) in files {
      guard let path = environment[variable] ?? environment[.home].map({ "\($0)/.aws/\(name)" }),
        let bytes = try await CredentialFile.load(path)
      else { continue }
      profiles.add(String(decoding: bytes, as: UTF8.self), kind)
    }
    return profiles
  }

  /// A non-empty value, without the quotes around it.
  private static func value(_ key: String, _ settings: [String: String]) -> String? {
    guard var value = settings[key], !value.isEmpty else { return nil }
    if key != "credential_process", value.count >= 2, value.hasPrefix("\""), value.hasSuffix("\"") {
      value = String(value.dropFirst().dropLast())
    }
    return value.isEmpty ? nil : value
  }
}
