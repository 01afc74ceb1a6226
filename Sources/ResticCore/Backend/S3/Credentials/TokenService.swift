/// Amazon's Security Token Service, which hands out a role's credentials for an hour.
///
///     POST / Action=AssumeRole…  →  <AssumeRoleResponse> … <Credentials> <AccessKeyId> … </Credentials> …
///
/// Source: AWS STS API Reference, AssumeRole and AssumeRoleWithWebIdentity.
struct TokenService: Sendable {
  /// A role, and how it is assumed.
  struct Role: Sendable {
    let name: String
    let sessionName: String?
    var externalID: String?
    var policy: String?
  }

  let origin: HTTPOrigin
  let region: String
  let transport: any HTTPTransport
  let clock: ServerClock

  /// The service at `url`, or the one of `region`, whose clock is `clock`.
  init(
    url: String?, region: String?, makeTransport: TransportMaker, clock: ServerClock = ServerClock()
  ) throws(CredentialError) {
    if let url {
      guard let parsed = HTTPOrigin.parse(url) else {
        throw CredentialError("the address of the token service cannot be read")
      }
      origin = parsed.origin
    } else {
      guard region.map(S3Region.isValid) ?? true else {
        throw CredentialError("the region of the token service cannot be read")
      }
      let isChina = region?.hasPrefix("cn-") == true
      let host = region.map { "sts.\($0).amazonaws.com\(isChina ? ".cn" : "")" } ?? "sts.amazonaws.com"
      origin = HTTPOrigin(scheme: .https, host: host)
    }
    self.region = region ?? S3Region.standard
    self.clock = clock
    transport = makeTransport(origin, .tokenService)
  }

  /// The credentials of `role`, assumed with `credentials`.
  func assume(_ role: Role, as credentials: S3Credentials) async throws(CredentialError) -> S3Credentials {
    var items = [("Action", "AssumeRole"), ("DurationSeconds", "3600")] + common(role)
    if let policy = role.policy { items.append(("Policy", policy)) }
    if let id = role.externalID { items.append(("ExternalId", id)) }
    return try await ask(items, role, signedBy: credentials)
  }

  /// The credentials of `role`, assumed with the identity in `token`.
  func assume(_ role: Role, withIdentity token: String) async throws(CredentialError) -> S3Credentials {
    try await ask(
      [("Action", "AssumeRoleWithWebIdentity"), ("WebIdentityToken", token)] + common(role), role, signedBy: nil)
  }

  private func common(_ role: Role) -> [(String, String)] {
    [
      ("Version", "2011-06-15"), ("RoleArn", role.name),
      ("RoleSessionName", role.sessionName ?? "restic-gitfs-\(clock.reading.time)"),
    ]
  }

  private func ask(
    _ items: [(String, String)], _ role: Role, signedBy credentials: S3Credentials?
  ) async throws(CredentialError) -> S3Credentials {
    let source = "role \(role.name)"
    let body = Array(S3Query(items.map { (name: $0.0, value: $0.1) }).text.utf8)
    let service = CredentialService(transport: transport, source: "\(source) at \(origin)")
    var hasBeenCorrected = false
    while true {
      let signed = clock.reading
      let request = HTTPRequest(
        method: .post, target: "/", fields: fields(body, signedBy: credentials, at: signed.time),
        body: PooledBytes(copying: body))
      var isCorrected = false
      let answer: [UInt8]
      do throws(CredentialError) {
        answer = try await service.ask(request) { response in
          isCorrected = credentials != nil && clock.correct(after: S3Failure(response), to: signed)
          return nil
        }
      } catch {
        // Once: if the server refuses its own time, it refuses for another reason.
        guard isCorrected, !hasBeenCorrected else { throw error }
        hasBeenCorrected = true
        continue
      }
      return try Self.credentials(in: answer, source: source)
    }
  }

  private func fields(_ body: [UInt8], signedBy credentials: S3Credentials?, at time: Int64) -> [String] {
    let fields = ["Content-Type: application/x-www-form-urlencoded"]
    guard let credentials else { return fields }
    let subject = S3Signature.Subject(
      method: "POST", host: origin.authority, path: "/", query: S3Query(), fields: fields,
      payloadHash: SHA256.id(of: body, as: ID<Never>.self).hex)
    return S3Signature(credentials: credentials, region: region, service: .sts, time: time).fields(of: subject)
  }

  /// The credentials in an answer.
  static func credentials(in answer: [UInt8], source: String) throws(CredentialError) -> S3Credentials {
    var path: [String] = []
    var texts: [String: String] = [:]
    do throws(FormatError) {
      let result = answer.withUnsafeBytes { bytes in
        Result { () throws(FormatError) in
          try XMLScanner.scan(bytes) { event in
            switch event {
            case .begin(let name): path.append(name)
            case .end(let name, let text):
              path.removeLast()
              if path.last == "Credentials" { texts[name] = text }
            }
          }
        }
      }
      try result.get()
    } catch {
      throw CredentialError("\(source): the token service's answer cannot be read: \(error)")
    }
    guard let key = texts["AccessKeyId"], let secret = texts["SecretAccessKey"] else {
      throw CredentialError("\(source): the token service's answer has no credentials")
    }
    return try S3Credentials(
      accessKeyID: key, secret: secret, sessionToken: texts["SessionToken"],
      expiration: try CredentialsDocument.expiration(texts["Expiration"], source), source: source)
  }
}
