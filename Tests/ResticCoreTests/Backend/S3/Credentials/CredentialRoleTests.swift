import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

@Suite("Credentials for S3 of a role", .timeLimit(.minutes(30)))
struct CredentialRoleTests {
  private let places: CredentialPlaces
  private var home: FilePath { places.home }

  init() throws {
    places = try CredentialPlaces()
  }

  @Test("a web identity is exchanged for a role's credentials")
  func webIdentity() async throws {
    try places.write("token", "ey.identity\n")
    let servers = ScriptedServers { call in
      ScriptedServers.answer(200, Self.roleAnswer("AssumeRoleWithWebIdentity"))
    }
    let variables = [
      "AWS_WEB_IDENTITY_TOKEN_FILE": home.appending("token").string, "AWS_ROLE_ARN": "arn:aws:iam::1:role/r",
    ]
    for (region, host) in [
      (nil, "sts.amazonaws.com"), ("eu-west-1", "sts.eu-west-1.amazonaws.com"),
      ("cn-north-1", "sts.cn-north-1.amazonaws.com.cn"),
    ] {
      let credentials = try await places.found(
        variables.merging(region.map { ["AWS_REGION": $0] } ?? [:]) { $1 }, servers)
      #expect(
        credentials?.accessKeyID == "ASIAROLE" && credentials?.sessionToken == "T/+"
          && credentials?.expiration == 1_893_553_445)
      let call = try #require(servers.calls.last)
      #expect(call.origin.description == "https://\(host)" && call.field("Authorization") == nil)
      #expect(
        call.text.contains("Action=AssumeRoleWithWebIdentity") && call.text.contains("WebIdentityToken=ey.identity"))
      #expect(call.text.contains("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr") && call.text.contains("RoleSessionName="))
    }
    let refusing = ScriptedServers { _ in
      ScriptedServers.answer(
        403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>")
    }
    let error = await #expect(throws: CredentialError.self) { try await places.found(variables, refusing) }
    #expect(
      error?.description.contains("arn:aws:iam::1:role/r") == true
        && error?.description.contains("AccessDenied") == true)
    #expect(error?.isPassing == false)
    let away = ScriptedServers { _ throws(HTTPFailure) in throw .unreachable("sts: away") }
    await #expect(
      throws: CredentialError("role arn:aws:iam::1:role/r at https://sts.amazonaws.com: sts: away", isPassing: true)
    ) {
      try await places.found(variables, away)
    }
  }

  @Test("a role is assumed with the credentials of the source, signed for the token service")
  func assumedRole() async throws {
    let servers = ScriptedServers { _ in ScriptedServers.answer(200, Self.roleAnswer("AssumeRole")) }
    let environment = places.environment([
      "AWS_ACCESS_KEY_ID": "AKIABASE", "AWS_SECRET_ACCESS_KEY": "s", "RESTIC_AWS_ASSUME_ROLE_ARN": "arn:r",
      "RESTIC_AWS_ASSUME_ROLE_SESSION_NAME": "me", "RESTIC_AWS_ASSUME_ROLE_EXTERNAL_ID": "x&y",
      "RESTIC_AWS_ASSUME_ROLE_POLICY": "{}", "RESTIC_AWS_ASSUME_ROLE_STS_ENDPOINT": "http://127.0.0.1:99/path",
    ])
    let provider = AssumedRoleCredentials(
      base: CredentialChain(environment, makeTransport: servers.makeTransport), environment: environment,
      region: "eu-west-1",
      makeTransport: servers.makeTransport)
    #expect(try await provider.credentials()?.accessKeyID == "ASIAROLE")
    let call = try #require(servers.calls.last)
    #expect(call.origin.description == "http://127.0.0.1:99" && call.request.target == "/")
    #expect(
      call.text.contains("Policy=%7B%7D") && call.text.contains("ExternalId=x%26y")
        && call.text.contains("RoleSessionName=me"))
    #expect(
      call.field("Authorization")?.contains("AKIABASE/") == true
        && call.field("Authorization")?.contains("/eu-west-1/sts/") == true)
  }

  @Test("the token service's clock is learnt from its answers, as a storage's is", arguments: [true, false])
  func tokenServiceClock(isPlain: Bool) async throws {
    let refusal = isPlain ? "RequestExpired" : "SignatureDoesNotMatch"
    let servers = ScriptedServers { call in
      call.field("x-amz-date") == "20261129T183000Z"
        ? ScriptedServers.answer(200, Self.roleAnswer("AssumeRole"))
        : ScriptedServers.answer(403, Self.stsRefusal(refusal), [.date: "Sun, 29 Nov 2026 18:30:00 GMT"])
    }
    let environment = places.environment([
      "AWS_ACCESS_KEY_ID": "AKIABASE", "AWS_SECRET_ACCESS_KEY": "s", "RESTIC_AWS_ASSUME_ROLE_ARN": "arn:r",
    ])
    func role(_ servers: ScriptedServers, now: Int64) -> AssumedRoleCredentials {
      AssumedRoleCredentials(
        base: CredentialChain(environment, makeTransport: servers.makeTransport), environment: environment, region: nil,
        makeTransport: servers.makeTransport, clock: ServerClock { now })
    }
    let provider = role(servers, now: 1_700_000_000)
    #expect(try await provider.credentials()?.accessKeyID == "ASIAROLE")
    // The offset is known from then on.
    #expect(try await provider.credentials()?.accessKeyID == "ASIAROLE")
    #expect(servers.calls.count == 3)
    // A clock that is right is not why.
    let refusing = ScriptedServers { _ in
      ScriptedServers.answer(403, Self.stsRefusal(refusal), [.date: "Sun, 29 Nov 2026 18:30:00 GMT"])
    }
    let error = await #expect(throws: CredentialError.self) {
      try await role(refusing, now: 1_795_977_000).credentials()
    }
    #expect(error?.description.contains(refusal) == true && refusing.calls.count == 1)
    let stubborn = ScriptedServers { _ in
      ScriptedServers.answer(403, Self.stsRefusal(refusal), [.date: "Sun, 29 Nov 2026 18:30:00 GMT"])
    }
    await #expect(throws: CredentialError.self) { try await role(stubborn, now: 1_700_000_000).credentials() }
    #expect(stubborn.calls.count == 2)
  }

  private static func stsRefusal(_ code: String) -> String {
    "<ErrorResponse><Error><Type>Sender</Type><Code>\(code)</Code><Message>no</Message></Error></ErrorResponse>"
  }

  private static func roleAnswer(_ action: String) -> String {
    """
    <\(action)Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><\(action)Result><AssumedRoleUser><Arn>a</Arn></AssumedRoleUser>\
    <Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>T/+</SessionToken>\
    <Expiration>2030-01-02T03:04:05Z</Expiration></Credentials></\(action)Result></\(action)Response>
    """
  }
}
