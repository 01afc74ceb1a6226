import Foundation
import Glibc
import ResticTestSupport
import Synchronization
import SystemPackage
import Testing

@testable import ResticCore

/// The places of credentials in restic's order, with a home folder and services of a test's own.
@Suite("Credentials for S3", .timeLimit(.minutes(30)))
struct CredentialChainTests {
  private let directory: TemporaryDirectory
  private var home: FilePath { directory.path }

  init() throws {
    directory = try TemporaryDirectory()
  }

  private func write(_ path: String, _ text: String, mode: Int = 0o600) throws {
    let file = home.appending(path)
    try FileManager.default.createDirectory(
      atPath: file.removingLastComponent().string, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: URL(fileURLWithPath: file.string))
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file.string)
  }

  private func environment(_ variables: [String: String] = [:]) -> S3Environment {
    let all = ["HOME": home.string, "AWS_EC2_METADATA_DISABLED": "true"].merging(variables) { $1 }
    return S3Environment { all[$0] }
  }

  /// What the chain finds with `variables`; services are made up by `servers`.
  private func found(
    _ variables: [String: String] = [:],
    _ servers: ScriptedServers = ScriptedServers { _ in ScriptedServers.answer(500) }
  ) async throws -> S3Credentials? {
    try await CredentialChain(environment(variables), makeTransport: servers.makeTransport).credentials()
  }

  private static let document = """
    {"Version": 1, "AccessKeyId": "ASIAPROCESS", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": "2030-01-02T03:04:05Z"}
    """
  private static let minio = """
    {"version":"10","x":[1],"aliases":{"s3":{"url":"http://x","accessKey":"MC","secretKey":"s","api":"S3v4"},
     "nas":{"accessKey":"NAS","secretKey":"s"}},"hosts":{"s3":{"accessKey":"OLD","secretKey":"s"}}}
    """

  @Test("each place is asked only where those before it have none")
  func order() async throws {
    #expect(try await found() == nil)
    try write(".mc/config.json", Self.minio)
    #expect(try await found()?.accessKeyID == "MC")
    #expect(try await found(["MINIO_ALIAS": "nas"])?.accessKeyID == "NAS")
    try write(".aws/credentials", AWSProfilesTests.credentials)
    #expect(try await found()?.accessKeyID == "AKIADEFAULT")
    #expect(try await found(["AWS_PROFILE": "with_token"])?.sessionToken == "token")
    let minio = ["MINIO_ACCESS_KEY": "M", "MINIO_SECRET_KEY": "s"]
    #expect(try await found(minio)?.accessKeyID == "M")
    let root = minio.merging(["MINIO_ROOT_USER": "R", "MINIO_ROOT_PASSWORD": "s"]) { $1 }
    #expect(try await found(root)?.accessKeyID == "R")
    let amazon = root.merging(["AWS_ACCESS_KEY": "A", "AWS_SECRET_KEY": "s", "AWS_SESSION_TOKEN": "t"]) { $1 }
    let temporary = try await found(amazon)
    #expect(temporary?.accessKeyID == "A" && temporary?.sessionToken == "t")
    let both = amazon.merging(["AWS_ACCESS_KEY_ID": "B", "AWS_SECRET_ACCESS_KEY": "s"]) { $1 }
    #expect(try await found(both)?.accessKeyID == "B")
  }

  @Test("half a pair, a profile that is missing and one that needs AWS SSO are errors that say what to do")
  func unusable() async throws {
    try write(".aws/config", AWSProfilesTests.config)
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
      let error = await #expect(throws: CredentialError.self, "\(variables)") { try await found(variables) }
      #expect(
        error.map { $0.description.contains(said) && !$0.description.contains("geheim") } == true,
        "\(String(describing: error))")
      #expect(error?.isPassing == false)
    }
    // Nobody is somebody else by chance.
    try write(".mc/config.json", Self.minio)
    await #expect(throws: CredentialError.self) { try await found(["AWS_PROFILE": "sso"]) }
  }

  @Test("files that cannot be read are named; what is in them is not")
  func unreadable() async throws {
    try write(".mc/config.json", "{\"version\":\"10\",\"aliases\":{\"s3\":{\"accessKey\":\"geheim\",}}}")
    let error = await #expect(throws: CredentialError.self) { try await found() }
    #expect(error.map { $0.description.contains(".mc/config.json") && !$0.description.contains("geheim") } == true)
    let folder = ["AWS_SHARED_CREDENTIALS_FILE": home.string]
    await #expect(throws: CredentialError.self) { try await found(folder) }
    try write("large", String(repeating: "#", count: 2 << 20))
    let large = await #expect(throws: CredentialError.self) {
      try await found(["AWS_CONFIG_FILE": home.appending("large").string])
    }
    #expect(large?.description.contains("larger than") == true)
  }

  @Test("a program of a profile is run without a shell, and its words may be quoted")
  func process() async throws {
    try write(
      "two words", "#!/bin/sh\n[ \"$1\" = 'a b;$(x)' ] && [ -z \"$2\" ] && cat \"${0%/*}/document\"\n", mode: 0o755)
    try write("document", Self.document)
    try write(".aws/credentials", "[default]\ncredential_process = \"\(home)/two words\" 'a b;$(x)'\n")
    let credentials = try await found()
    #expect(credentials?.accessKeyID == "ASIAPROCESS" && credentials?.sessionToken == "t")
    #expect(credentials?.expiration == 1_893_553_445)
    #expect(credentials?.source.contains("credential_process") == true)
  }

  @Test("a program that fails, prints something else, prints without end or does not end is an error in time")
  func failingProcess() async throws {
    for (command, said) in [
      ("false", "has failed"), ("/nonexistent/x", "cannot be run"), ("echo {}", "lacks AccessKeyId"),
      ("echo geheim", "no credentials"),
      ("yes", "prints more"), ("sleep 1000", "not ended within"), ("sh -c 'exec >&-; sleep 1000'", "not ended within"),
      ("sh -c 'trap : TERM INT HUP QUIT; while :; do sleep 1000; done'", "not ended within"),
    ] {
      let process = CredentialProcess(
        command: command, source: "profile x", timeLimit: .milliseconds(command.contains("1000") ? 300 : 100_000))
      let error = await #expect(throws: CredentialError.self, "\(command)") { try await process.credentials() }
      #expect(
        error.map { $0.description.contains(said) && !$0.description.contains("geheim") } == true,
        "\(String(describing: error))")
    }
  }

  @Test(
    "a program that is at work is ended as soon as nobody wants its credentials any more, and all that it has started")
  func cancelledProcess() async throws {
    let file = home.appending("started")
    let script = "sleep 1000 & echo $! > '\(file).new'; mv '\(file).new' '\(file)'; trap : TERM INT; wait; sleep 1000"
    let process = CredentialProcess(command: "sh -c \"\(script)\"", source: "profile x")
    let task = Task { try await process.credentials() }
    try await waitUntil { FileManager.default.fileExists(atPath: file.string) }
    let text = try String(contentsOfFile: file.string, encoding: .utf8)
    let child = try #require(pid_t(text.dropLast()))
    task.cancel()
    let error = try await withTimeLimit { await #expect(throws: CredentialError.self) { try await task.value } }
    #expect(
      error?.isPassing == true && error?.description.contains("cancelled") == true, "\(String(describing: error))")
    // Somebody else waits for it.
    try await waitUntil { kill(child, 0) != 0 || ProcessTable.isZombie(child) }
  }

  @Test("whoever cleans up after a cancellation gets credentials from a program all the same")
  func cleaningUp() async throws {
    try write("document", Self.document)
    let process = CredentialProcess(command: "cat \(home)/document", source: "profile x")
    let task = Task {
      while !Task.isCancelled { await Task.yield() }
      return try await process.credentials()
    }
    task.cancel()
    #expect(try await task.value?.accessKeyID == "ASIAPROCESS")
  }

  @Test("words of a command")
  func words() {
    for (text, words) in [
      ("a b", ["a", "b"]), ("  a\t'b c'd \"\" ", ["a", "b cd", ""]), ("a\\ b \"c\\\"d\\e\"", ["a b", "c\"d\\e"]),
      ("", []),
    ] as [(String, [String])] {
      #expect(CredentialProcess.words(of: text) == words)
    }
    for text in ["'a", "\"a", "a\\"] { #expect(CredentialProcess.words(of: text) == nil) }
  }

  @Test("a web identity is exchanged for a role's credentials")
  func webIdentity() async throws {
    try write("token", "ey.identity\n")
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
      let credentials = try await found(variables.merging(region.map { ["AWS_REGION": $0] } ?? [:]) { $1 }, servers)
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
    let error = await #expect(throws: CredentialError.self) { try await found(variables, refusing) }
    #expect(
      error?.description.contains("arn:aws:iam::1:role/r") == true
        && error?.description.contains("AccessDenied") == true)
    #expect(error?.isPassing == false)
    let away = ScriptedServers { _ throws(HTTPFailure) in throw .unreachable("sts: away") }
    await #expect(
      throws: CredentialError("role arn:aws:iam::1:role/r at https://sts.amazonaws.com: sts: away", isPassing: true)
    ) {
      try await found(variables, away)
    }
  }

  @Test("a role is assumed with the credentials that were found, signed for the token service")
  func assumedRole() async throws {
    let servers = ScriptedServers { _ in ScriptedServers.answer(200, Self.roleAnswer("AssumeRole")) }
    let environment = environment([
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

  @Test("the token service's clock is taken over from its answers, as a storage's is", arguments: [true, false])
  func tokenServiceClock(isPlain: Bool) async throws {
    let refusal = isPlain ? "RequestExpired" : "SignatureDoesNotMatch"
    let servers = ScriptedServers { call in
      call.field("x-amz-date") == "20261129T183000Z"
        ? ScriptedServers.answer(200, Self.roleAnswer("AssumeRole"))
        : ScriptedServers.answer(403, Self.stsRefusal(refusal), [.date: "Sun, 29 Nov 2026 18:30:00 GMT"])
    }
    let environment = environment([
      "AWS_ACCESS_KEY_ID": "AKIABASE", "AWS_SECRET_ACCESS_KEY": "s", "RESTIC_AWS_ASSUME_ROLE_ARN": "arn:r",
    ])
    func role(_ servers: ScriptedServers, now: Int64) -> AssumedRoleCredentials {
      AssumedRoleCredentials(
        base: CredentialChain(environment, makeTransport: servers.makeTransport), environment: environment, region: nil,
        makeTransport: servers.makeTransport, clock: ServerClock { now })
    }
    let provider = role(servers, now: 1_700_000_000)
    #expect(try await provider.credentials()?.accessKeyID == "ASIAROLE")
    // It is known from then on.
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

  @Test("a container's service is asked with its token; over plain HTTP only where that is of this machine")
  func container() async throws {
    let answer =
      #"{"AccessKeyId":"ASIAECS","SecretAccessKey":"s","Token":"t","Expiration":"2030-01-02T03:04:05Z","RoleArn":"r"}"#
    let servers = ScriptedServers { _ in ScriptedServers.answer(200, answer) }
    let relative = try await found(["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/1"], servers)
    #expect(relative?.accessKeyID == "ASIAECS" && relative?.sessionToken == "t")
    #expect(
      servers.calls.last?.origin.description == "http://169.254.170.2"
        && servers.calls.last?.request.target == "/v2/credentials/1")
    try write("token", "bearer\n")
    let file = ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": home.appending("token").string]
    for url in [
      "http://127.0.0.1:8080/x", "http://localhost/x", "http://169.254.170.23/x", "https://keys.example/x",
      "http://[::1]/x",
    ] {
      _ = try await found(file.merging(["AWS_CONTAINER_CREDENTIALS_FULL_URI": url]) { $1 }, servers)
      #expect(servers.calls.last?.field("Authorization") == "bearer")
    }
    let count = servers.calls.count
    for url in ["http://keys.example/x", "http://10.0.0.1/x", "ftp://127.0.0.1/x", "x", "http://u@127.0.0.1/"] {
      await #expect(throws: CredentialError.self) {
        try await found(["AWS_CONTAINER_CREDENTIALS_FULL_URI": url], servers)
      }
    }
    #expect(servers.calls.count == count)
  }

  @Test("a machine's role is asked for last, with a token, and only where nothing else is configured")
  func instance() async throws {
    let servers = ScriptedServers { call in
      switch (call.request.method, call.request.target) {
      case (.put, "/latest/api/token") where call.field("X-aws-ec2-metadata-token-ttl-seconds") == "21600":
        ScriptedServers.answer(200, "TOKEN")
      case (.get, "/latest/meta-data/iam/security-credentials/") where call.field("X-aws-ec2-metadata-token") == "TOKEN":
        ScriptedServers.answer(200, "my role\n".replacing(" ", with: "-"))
      case (.get, "/latest/meta-data/iam/security-credentials/my-role")
      where call.field("X-aws-ec2-metadata-token") == "TOKEN":
        ScriptedServers.answer(200, #"{"Code":"Success","AccessKeyId":"ASIAEC2","SecretAccessKey":"s","Token":"t"}"#)
      default: ScriptedServers.answer(401)
      }
    }
    let on = ["AWS_EC2_METADATA_DISABLED": ""]
    #expect(try await found(on, servers)?.accessKeyID == "ASIAEC2")
    #expect(servers.calls.allSatisfy { $0.origin.description == "http://169.254.169.254" })
    let count = servers.calls.count
    #expect(try await found([:], servers) == nil)
    await #expect(throws: CredentialError.self) {
      try await found(on.merging(["AWS_ACCESS_KEY_ID": "A"]) { $1 }, servers)
    }
    #expect(servers.calls.count == count)
    let absent = ScriptedServers { _ throws(HTTPFailure) in throw .unreachable("nobody") }
    #expect(try await found(on, absent) == nil)
    let roleless = ScriptedServers { call in
      call.number == 0 ? ScriptedServers.answer(200, "T") : ScriptedServers.answer(404)
    }
    let error = await #expect(throws: CredentialError.self) { try await found(on, roleless) }
    #expect(error?.description.contains("no role") == true)
  }

  @Test("services answer through real connections, and one that hangs is given up")
  func realServices() async throws {
    let server = try FaultProxy { request in
      let body = request.target == "/creds" ? #"{"AccessKeyId":"ASIAECS","SecretAccessKey":"s"}"# : "x"
      return .answer(Array("HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8))
    }
    let makeTransport: TransportMaker = { origin, limits in
      let options = TransportOptions()
      return CurlTransport(origin: origin, credentials: nil, options: limits?.applied(to: options) ?? options)
    }
    let environment = environment(["AWS_CONTAINER_CREDENTIALS_FULL_URI": "\(server.url)creds"])
    let chain = CredentialChain(environment, makeTransport: makeTransport)
    #expect(try await chain.credentials()?.accessKeyID == "ASIAECS")
    let silent = self.environment(["AWS_EC2_METADATA_DISABLED": "", "AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url])
    let asked = Mutex(0)
    server.treat { _ in
      asked.withLock { $0 += 1 }
      return .hang
    }
    // Two seconds, and what a busy machine takes.
    let start = ContinuousClock.now
    #expect(try await CredentialChain(silent, makeTransport: makeTransport).credentials() == nil)
    #expect(asked.withLock { $0 } == 2 && start.duration(to: .now) < .seconds(30))
  }

  @Test("a machine's service that was not heard is asked once more, and is waited for for a second at a time")
  func instanceRetry() async throws {
    let on = environment(["AWS_EC2_METADATA_DISABLED": ""])
    for failure in [HTTPFailure.unreachable("no way"), .interrupted("silent")] {
      let servers = ScriptedServers { call throws(HTTPFailure) in
        switch call.number {
        case 0: throw failure
        case 1: return ScriptedServers.answer(200, "TOKEN")
        case 2: return ScriptedServers.answer(200, "role")
        default:
          return ScriptedServers.answer(
            200, #"{"Code":"Success","AccessKeyId":"ASIAEC2","SecretAccessKey":"s","Token":"t"}"#)
        }
      }
      let limits = Mutex<[ServiceLimits?]>([])
      let makeTransport: TransportMaker = { origin, limit in
        limits.withLock { $0.append(limit) }
        return servers.makeTransport(origin, limit)
      }
      #expect(try await CredentialChain(on, makeTransport: makeTransport).credentials()?.accessKeyID == "ASIAEC2")
      #expect(limits.withLock { $0 } == [ServiceLimits.machine])
      #expect(ServiceLimits.machine.connect == .seconds(1) && ServiceLimits.machine.stuck == .seconds(1))
      let absent = ScriptedServers { _ throws(HTTPFailure) in throw failure }
      #expect(try await CredentialChain(on, makeTransport: absent.makeTransport).credentials() == nil)
      #expect(absent.calls.count == 2)
    }
  }

  @Test("no secret is printed, however it is printed")
  func secrets() async throws {
    let environment = environment([
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
