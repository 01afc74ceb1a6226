internal import Glibc

/// The environment variables with the identity for S3 requests, as they were at the program's start. Prints no values.
public struct S3Environment: Sendable, CustomReflectable {
  /// A variable; the raw value is its name.
  enum Variable: String, CaseIterable {
    case accessKeyID = "AWS_ACCESS_KEY_ID"
    case accessKey = "AWS_ACCESS_KEY"
    case secretAccessKey = "AWS_SECRET_ACCESS_KEY"
    case secretKey = "AWS_SECRET_KEY"
    case sessionToken = "AWS_SESSION_TOKEN"
    case minioRootUser = "MINIO_ROOT_USER"
    case minioRootPassword = "MINIO_ROOT_PASSWORD"
    case minioAccessKey = "MINIO_ACCESS_KEY"
    case minioSecretKey = "MINIO_SECRET_KEY"
    case profile = "AWS_PROFILE"
    case credentialsFile = "AWS_SHARED_CREDENTIALS_FILE"
    case configFile = "AWS_CONFIG_FILE"
    case minioFile = "MINIO_SHARED_CREDENTIALS_FILE"
    case minioAlias = "MINIO_ALIAS"
    case defaultRegion = "AWS_DEFAULT_REGION"
    case region = "AWS_REGION"
    case webIdentityTokenFile = "AWS_WEB_IDENTITY_TOKEN_FILE"
    case role = "AWS_ROLE_ARN"
    case roleSessionName = "AWS_ROLE_SESSION_NAME"
    case tokenService = "AWS_ENDPOINT_URL_STS"
    case containerPath = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
    case containerURL = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
    case containerToken = "AWS_CONTAINER_AUTHORIZATION_TOKEN"
    case containerTokenFile = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
    case metadataDisabled = "AWS_EC2_METADATA_DISABLED"
    case metadataURL = "AWS_EC2_METADATA_SERVICE_ENDPOINT"
    case assumedRole = "RESTIC_AWS_ASSUME_ROLE_ARN"
    case assumedSessionName = "RESTIC_AWS_ASSUME_ROLE_SESSION_NAME"
    case assumedExternalID = "RESTIC_AWS_ASSUME_ROLE_EXTERNAL_ID"
    case assumedPolicy = "RESTIC_AWS_ASSUME_ROLE_POLICY"
    case assumedRegion = "RESTIC_AWS_ASSUME_ROLE_REGION"
    case assumedTokenService = "RESTIC_AWS_ASSUME_ROLE_STS_ENDPOINT"
    case home = "HOME"
  }

  /// Variables that name files. A serving process leaves the working directory, so they are made absolute.
  private static let files: [Variable] = [
    .credentialsFile, .configFile, .minioFile, .webIdentityTokenFile, .containerTokenFile, .home,
  ]

  private let values: [Variable: String]

  /// The values of the variables; `variable` returns the value of one, nil or empty if it is not set.
  public init(_ variable: (String) -> String? = { _ in nil }) {
    var values: [Variable: String] = [:]
    for name in Variable.allCases {
      if let value = variable(name.rawValue), !value.isEmpty { values[name] = value }
    }
    for name in Self.files { values[name] = values[name].map(Self.absolute) }
    self.values = values
  }

  /// The value of `variable`, or nil if it is not set or empty.
  subscript(variable: Variable) -> String? { values[variable] }

  /// For `dump` and other reflection.
  public var customMirror: Mirror { Mirror(self, children: []) }

  private static func absolute(_ path: String) -> String {
    guard !path.hasPrefix("/"), let folder = getcwd(nil, 0) else { return path }
    defer { free(folder) }
    return "\(String(cString: folder))/\(path)"
  }
}
