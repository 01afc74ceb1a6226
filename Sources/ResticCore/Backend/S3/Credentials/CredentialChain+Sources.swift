extension CredentialChain {
  /// All places in restic's order. Source: restic, internal/backend/s3/s3.go, getCredentials; minio-go, iam_aws.go.
  init(_ environment: S3Environment, makeTransport: @escaping TransportMaker) {
    self.init(
      places: [
        EnvironmentCredentials(names: .amazon, environment: environment),
        EnvironmentCredentials(names: .minio, environment: environment),
        ProfileCredentials(environment: environment),
        MinioClientCredentials(environment: environment),
        WebIdentityCredentials(environment: environment, makeTransport: makeTransport),
        ContainerCredentials(environment: environment, makeTransport: makeTransport),
        InstanceMetadata(environment: environment, makeTransport: makeTransport),
      ])
  }
}

extension CredentialError {
  /// No source has credentials.
  static let missing = CredentialError(
    """
    no credentials for S3: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write them into ~/.aws/credentials; \
    -o s3.unsafe-anonymous-auth=true sends requests without them
    """)
}
