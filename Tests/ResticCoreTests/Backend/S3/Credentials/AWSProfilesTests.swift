import Testing

@testable import ResticCore

@Suite("AWSProfiles")
struct AWSProfilesTests {
  static let credentials = """
    # keys
    [default]
    aws_access_key_id = AKIADEFAULT
    aws_secret_access_key=secret/+#no comment ; a comment
    [with_token]
    aws_access_key_id: AKIATOKEN
    aws_secret_access_key: s
    AWS_SESSION_TOKEN = token
    [profile wrong]
    aws_access_key_id = X
    [config_only]
    region = eu-west-1
    aws_access_key_id = HALF
    """
  static let config = """
    [default]
    region = eu-west-1
    aws_access_key_id = AKIACONFIG
    aws_secret_access_key = s
    aws_session_token = t
    s3 =
      max_concurrent_requests = 20
      aws_access_key_id = nested

    [profile config_only]
    aws_access_key_id = AKIACONFIGONLY
    aws_secret_access_key = s
    [bare]
    aws_access_key_id = X
    [profile   sso  ]
    sso_session = me
    sso_role_name = admin
    [profile half]
    aws_access_key_id = A
    [profile role]
    role_arn = arn:x
    source_profile = default
    [profile endless]
    credential_process = x 'y
    """

  @Test("the credentials file wins over the config file, pair by pair")
  func merging() {
    var profiles = AWSProfiles()
    profiles.add(Self.config, .config)
    profiles.add(Self.credentials, .credentials)
    let settings = profiles.settings(of: "default")
    #expect(settings?["aws_access_key_id"] == "AKIADEFAULT" && settings?["region"] == "eu-west-1")
    #expect(settings?["aws_secret_access_key"] == "secret/+#no comment")
    // A token of the other pair.
    #expect(settings?["aws_session_token"] == nil)
    #expect(profiles.settings(of: "with_token")?["aws_session_token"] == "token")
    #expect(profiles.settings(of: "config_only")?["aws_access_key_id"] == "AKIACONFIGONLY")
    #expect(profiles.settings(of: "sso")?["sso_role_name"] == "admin")
    #expect(profiles.settings(of: "bare") == nil && profiles.settings(of: "wrong") == nil)
    #expect(profiles.settings(of: "profile wrong") == nil && profiles.settings(of: "nobody") == nil)
  }

  @Test("Windows line ends are accepted, and meaningless lines are ignored")
  func lines() {
    var profiles = AWSProfiles()
    profiles.add("x = 1\r\n[a]\r\nk = v\r\n\r\nnothing\r\n= w\r\n[b\r\n", .credentials)
    #expect(profiles.settings(of: "a")?["k"] == "v")
    #expect(profiles.settings(of: "b") == nil)
  }
}
