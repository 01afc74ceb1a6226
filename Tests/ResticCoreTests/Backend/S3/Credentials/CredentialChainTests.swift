import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

@Suite("Credentials for S3", .timeLimit(.minutes(30)))
struct CredentialChainTests {
  private let places: CredentialPlaces
  private var home: FilePath { places.home }

  init() throws {
    places = try CredentialPlaces()
  }

  private static let minio = """
    {"version":"10","x":[1],"aliases":{"s3":{"url":"http://x","accessKey":"MC","secretKey":"s","api":"S3v4"},
     "nas":{"accessKey":"NAS","secretKey":"s"}},"hosts":{"s3":{"accessKey":"OLD","secretKey":"s"}}}
    """

  @Test("each place is asked only if the places before it have no credentials")
  func order() async throws {
    #expect(try await places.found() == nil)
    try places.write(".mc/config.json", Self.minio)
    #expect(try await places.found()?.accessKeyID == "MC")
    #expect(try await places.found(["MINIO_ALIAS": "nas"])?.accessKeyID == "NAS")
    try places.write(".aws/credentials", AWSProfilesTests.credentials)
    #expect(try await places.found()?.accessKeyID == "AKIADEFAULT")
    #expect(try await places.found(["AWS_PROFILE": "with_token"])?.sessionToken == "token")
    let minio = ["MINIO_ACCESS_KEY": "M", "MINIO_SECRET_KEY": "s"]
    #expect(try await places.found(minio)?.accessKeyID == "M")
    let root = minio.merging(["MINIO_ROOT_USER": "R", "MINIO_ROOT_PASSWORD": "s"]) { $1 }
    #expect(try await places.found(root)?.accessKeyID == "R")
    let amazon = root.merging(["AWS_ACCESS_KEY": "A", "AWS_SECRET_KEY": "s", "AWS_SESSION_TOKEN": "t"]) { $1 }
    let temporary = try await places.found(amazon)
    #expect(temporary?.accessKeyID == "A" && temporary?.sessionToken == "t")
    let both = amazon.merging(["AWS_ACCESS_KEY_ID": "B", "AWS_SECRET_ACCESS_KEY": "s"]) { $1 }
    #expect(try await places.found(both)?.accessKeyID == "B")
  }

  @Test("half a pair, a missing profile and a profile that needs AWS SSO are errors with advice")
  func unusable() async throws {
    try places.write(".aws/config", AWSProfilesTests.config)
    for (variables, said) in [
      (["AWS_ACCESS_KEY_ID": "A"], "AWS_SECRET_ACCESS_KEY is empty"),
      (["AWS_SECRET_ACCESS_KEY": "geheim"], "AWS_ACCESS_KEY_ID is empty"),
      (["MINIO_SECRET_KEY": "geheim"], "MINIO_ACCESS_KEY is empty"),
      (["AWS_PROFILE": "nobody"], "no profile \"nobody\""),
      (["AWS_PROFILE": "sso"], "export-credentials --profile sso"),
      (["AWS_PROFILE": "half"], "set both"), (["AWS_PROFILE": "role"], "RESTIC_AWS_ASSUME_ROLE_ARN"),
      (["AWS_PROFILE": "endless"], "unclosed quote"),
      (["AWS_ACCESS_KEY_ID": "A\nB", "AWS_SECRET_ACCESS_KEY": "s"], "cannot be sent"),
    ] {
      let error = await #expect(throws: CredentialError.self, "\(variables)") { try await places.found(variables) }
      #expect(
        error.map { $0.description.contains(said) && !$0.description.contains("geheim") } == true,
        "\(String(describing: error))")
      #expect(error?.isPassing == false)
    }
    // No profile gets another profile's credentials by chance.
    try places.write(".mc/config.json", Self.minio)
    await #expect(throws: CredentialError.self) { try await places.found(["AWS_PROFILE": "sso"]) }
  }

  @Test("the error for an unreadable file names the file, and quotes nothing of it")
  func unreadable() async throws {
    try places.write(".mc/config.json", "{\"version\":\"10\",\"aliases\":{\"s3\":{\"accessKey\":\"geheim\",}}}")
    let error = await #expect(throws: CredentialError.self) { try await places.found() }
    #expect(error.map { $0.description.contains(".mc/config.json") && !$0.description.contains("geheim") } == true)
    let folder = ["AWS_SHARED_CREDENTIALS_FILE": home.string]
    await #expect(throws: CredentialError.self) { try await places.found(folder) }
    try places.write("large", String(repeating: "#", count: 2 << 20))
    let large = await #expect(throws: CredentialError.self) {
      try await places.found(["AWS_CONFIG_FILE": home.appending("large").string])
    }
    #expect(large?.description.contains("larger than") == true)
  }

  @Test("no way of printing shows a secret")
  func secrets() async throws {
    let environment = places.environment([
      "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "geheim",
      "AWS_SESSION_TOKEN": "geheim-token",
      "AWS_CONTAINER_AUTHORIZATION_TOKEN": "geheim",
    ])
    let backend = S3Backend(
      try S3Location("nas/b"), options: try .test(), environment: environment, transport: TransportOptions())
    let credentials = try await CredentialChain(environment) { _, _ in preconditionFailure("nobody is asked") }
      .credentials()
    var text = ""
    dump(backend, to: &text)
    dump(credentials, to: &text)
    dump(environment, to: &text)
    text += "\(backend) \(String(describing: credentials)) \(String(reflecting: credentials)) \(environment)"
    #expect(!text.contains("geheim") && !text.contains("IOSFODNN"))
    #expect(credentials.map { "\($0)" } == "AKIA…MPLE (AWS_ACCESS_KEY_ID)")
  }
}
