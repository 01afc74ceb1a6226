import ResticTestSupport
import Synchronization
import SystemPackage
import Testing

@testable import ResticCore

@Suite("Credentials for S3 from services of a container or a machine", .timeLimit(.minutes(30)))
struct CredentialServiceTests {
  private let places: CredentialPlaces
  private var home: FilePath { places.home }

  init() throws {
    places = try CredentialPlaces()
  }

  @Test("a container's service is asked with its token; over plain HTTP only on this machine")
  func container() async throws {
    let answer =
      #"{"AccessKeyId":"ASIAECS","SecretAccessKey":"s","Token":"t","Expiration":"2030-01-02T03:04:05Z","RoleArn":"r"}"#
    let servers = ScriptedServers { _ in ScriptedServers.answer(200, answer) }
    let relative = try await places.found(["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/1"], servers)
    #expect(relative?.accessKeyID == "ASIAECS" && relative?.sessionToken == "t")
    #expect(
      servers.calls.last?.origin.description == "http://169.254.170.2"
        && servers.calls.last?.request.target == "/v2/credentials/1")
    try places.write("token", "bearer\n")
    let file = ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": home.appending("token").string]
    for url in [
      "http://127.0.0.1:8080/x", "http://localhost/x", "http://169.254.170.23/x", "https://keys.example/x",
      "http://[::1]/x",
    ] {
      _ = try await places.found(file.merging(["AWS_CONTAINER_CREDENTIALS_FULL_URI": url]) { $1 }, servers)
      #expect(servers.calls.last?.field("Authorization") == "bearer")
    }
    let count = servers.calls.count
    for url in ["http://keys.example/x", "http://10.0.0.1/x", "ftp://127.0.0.1/x", "x", "http://u@127.0.0.1/"] {
      await #expect(throws: CredentialError.self) {
        try await places.found(["AWS_CONTAINER_CREDENTIALS_FULL_URI": url], servers)
      }
    }
    #expect(servers.calls.count == count)
  }

  @Test("a machine's role is requested last, with a token, and only if nothing else is configured")
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
    #expect(try await places.found(on, servers)?.accessKeyID == "ASIAEC2")
    #expect(servers.calls.allSatisfy { $0.origin.description == "http://169.254.169.254" })
    let count = servers.calls.count
    #expect(try await places.found([:], servers) == nil)
    await #expect(throws: CredentialError.self) {
      try await places.found(on.merging(["AWS_ACCESS_KEY_ID": "A"]) { $1 }, servers)
    }
    #expect(servers.calls.count == count)
    let absent = ScriptedServers { _ throws(HTTPFailure) in throw .unreachable("nobody") }
    #expect(try await places.found(on, absent) == nil)
    let roleless = ScriptedServers { call in
      call.number == 0 ? ScriptedServers.answer(200, "T") : ScriptedServers.answer(404)
    }
    let error = await #expect(throws: CredentialError.self) { try await places.found(on, roleless) }
    #expect(error?.description.contains("no role") == true)
  }

  @Test("services answer through real connections, and a hanging service is given up")
  func realServices() async throws {
    let server = try FaultProxy { request in
      let body = request.target == "/creds" ? #"{"AccessKeyId":"ASIAECS","SecretAccessKey":"s"}"# : "x"
      return .answer(Array("HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8))
    }
    // The time limits of the product are the subject of `instanceRetry`. A busy machine exceeds them.
    func makeTransport(stuck: Duration) -> TransportMaker {
      { origin, limits in
        var options = TransportOptions()
        options = limits?.applied(to: options) ?? options
        (options.connectTimeout, options.stuckTimeout) = (.seconds(300), stuck)
        return CurlTransport(origin: origin, credentials: nil, options: options)
      }
    }
    let environment = places.environment(["AWS_CONTAINER_CREDENTIALS_FULL_URI": "\(server.url)creds"])
    let chain = CredentialChain(environment, makeTransport: makeTransport(stuck: .seconds(300)))
    #expect(try await chain.credentials()?.accessKeyID == "ASIAECS")
    let silent = places.environment(["AWS_EC2_METADATA_DISABLED": "", "AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url])
    let asked = Mutex(0)
    server.treat { _ in
      asked.withLock { $0 += 1 }
      return .hang
    }
    try await withGrowingLimit(from: .seconds(1)) { limit -> Void? in
      asked.withLock { $0 = 0 }
      let found = try await CredentialChain(silent, makeTransport: makeTransport(stuck: limit)).credentials()
      #expect(found == nil)
      // Fewer if a request was given up before the server had read it.
      return asked.withLock { $0 } == 2 ? () : nil
    }
  }

  @Test("a machine's service that does not answer is asked twice, for one second each")
  func instanceRetry() async throws {
    let on = places.environment(["AWS_EC2_METADATA_DISABLED": ""])
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
}
