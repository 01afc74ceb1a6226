/// Credentials of the role of an Amazon machine, from the service behind a link-local address (IMDSv2).
///
///     PUT /latest/api/token                                     → a token for six hours
///     GET /latest/meta-data/iam/security-credentials/           → the role's name
///     GET /latest/meta-data/iam/security-credentials/ROLE       → its credentials
///
/// On any other machine nothing answers, or the network drops the packets: this is known after a second, and one more
/// for a second try.
/// Source: Amazon EC2 User Guide, "Use the Instance Metadata Service"; AWS_EC2_METADATA_DISABLED and
/// AWS_EC2_METADATA_SERVICE_ENDPOINT as in the SDKs.
struct InstanceMetadata: CredentialProvider {
  private static let address = HTTPOrigin(scheme: .http, host: "169.254.169.254")
  private static let source = "the machine's role"
  private static let rolePath = "/latest/meta-data/iam/security-credentials/"

  let environment: S3Environment
  let makeTransport: TransportMaker

  func credentials() async throws(CredentialError) -> S3Credentials? {
    guard environment[.metadataDisabled]?.lowercased() != "true" else { return nil }
    var origin = Self.address
    if let url = environment[.metadataURL] {
      guard let parsed = HTTPOrigin.parse(url) else {
        throw CredentialError("AWS_EC2_METADATA_SERVICE_ENDPOINT cannot be read")
      }
      origin = parsed.origin
    }
    let transport = makeTransport(origin, .machine)
    guard let token = try await token(transport) else { return nil }
    let service = CredentialService(transport: transport, source: Self.source)
    let fields = ["X-aws-ec2-metadata-token: \(token)"]
    let names = try await service.ask(HTTPRequest(method: .get, target: Self.rolePath, fields: fields)) { response in
      response.status == 404 ? CredentialError("this machine has no role (IAM instance profile)") : nil
    }
    guard let role = Self.word(names) else { throw CredentialError("this machine's role has no name") }
    let target = Self.rolePath + PercentCoding.strict(role)
    let bytes = try await service.ask(HTTPRequest(method: .get, target: target, fields: fields))
    return try CredentialsDocument.decode(bytes, source: "\(Self.source) \(role)")
  }

  /// The token that the service requires; nil if there is no such service.
  private func token(_ transport: any HTTPTransport) async throws(CredentialError) -> String? {
    let request = HTTPRequest(
      method: .put, target: "/latest/api/token", fields: ["X-aws-ec2-metadata-token-ttl-seconds: 21600"],
      room: .upTo(Self.tokenLimit))
    guard let response = try await answer(to: request, transport) else { return nil }
    guard response.status < 500, response.status != 429 else {
      throw CredentialError("\(Self.source): the answer is \(S3Failure(response).text)", isPassing: true)
    }
    guard response.isSuccess, case .taken(let body) = response.body else { return nil }
    return Self.word(body.array)
  }

  /// The size limit of a token. The rest of an answer may take its time.
  private static let tokenLimit = 1 << 10
  /// How many unanswered tries show that there is no service.
  /// Source: the SDKs' metadata_service_num_attempts, and one more.
  private static let attempts = 2

  /// The answer to the first request to the service; nil if nothing answers.
  private func answer(
    to request: HTTPRequest, _ transport: any HTTPTransport
  ) async throws(CredentialError) -> HTTPResponse? {
    for _ in 0..<Self.attempts {
      do throws(HTTPFailure) {
        return try await transport.send(request)
      } catch .unreachable, .interrupted {
        continue
      } catch {
        throw CredentialError("\(Self.source): \(CredentialService.words(of: error))", isPassing: true)
      }
    }
    return nil
  }

  /// The first line of `bytes`, if a header field can hold it.
  private static func word(_ bytes: [UInt8]) -> String? {
    let line = bytes.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
    guard !line.isEmpty, line.allSatisfy({ (0x21..<0x7f).contains($0) }) else { return nil }
    return String(decoding: line, as: UTF8.self)
  }
}
