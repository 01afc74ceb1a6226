/// Sends signed requests to a bucket, and learns from the server's answers: the bucket's region, the server's clock,
/// and whether the server requires MD5.
///
/// - A request that is refused because of missing knowledge is corrected and sent again, a few times at most. The
///   caller handles everything else: nothing is retried here.
/// - A region that a server names leads at most to one of Amazon's hosts (`S3Endpoint`); addresses that a server names
///   are not followed.
final class S3Client: Sendable {
  /// Why a request did not succeed.
  enum Failure: Error, Sendable {
    /// The server refused. `region` is the region that was signed for, `credentials` signed the request.
    case refused(S3Failure, region: String, credentials: S3Credentials?)
    /// The server did not answer.
    case unanswered(HTTPFailure)
    /// There are no credentials to sign with.
    case unsigned(CredentialError)
  }

  /// What was learned from answers. A leaf lock.
  private struct Knowledge {
    var region: String
    var wantsMD5 = false
    var transports: [HTTPOrigin: any HTTPTransport] = [:]
  }

  /// A request as it was sent.
  private struct Attempt {
    let response: HTTPResponse
    let region: String
    let signed: ServerClock.Reading
    let hadMD5: Bool
    let credentials: S3Credentials?
  }

  /// Region, clock, credentials and MD5, each once, and one more.
  private static let mostCorrections = 5
  /// Up to this many bytes, the cost of MD5 does not matter.
  private static let smallByteCount = 1 << 20
  /// A server that names one region after another keeps no more threads alive than this.
  private static let mostTransports = 4
  private static let statusesOfOtherRegions: Set<Int> = [301, 307, 400, 403]

  private let location: S3Location
  private let lookup: BucketLookup
  private let credentials: CredentialCache?
  private let makeTransport: TransportMaker
  private let clock: ServerClock
  private let knowledge: Locked<Knowledge>

  /// A client of the bucket of `location` that signs with `credentials` (nil: not at all); `makeTransport` makes a
  /// transport for each server. `now` is this machine's clock, in seconds since 1970.
  init(
    _ location: S3Location, options: S3Options, credentials: CredentialCache?, makeTransport: @escaping TransportMaker,
    now: @escaping @Sendable () -> Int64 = { Timestamp.now().seconds }
  ) {
    self.location = location
    lookup = options.lookup
    self.credentials = credentials
    self.makeTransport = makeTransport
    clock = ServerClock(now: now)
    knowledge = Locked(Knowledge(region: options.region ?? S3Region.named(by: location.origin.host)))
  }

  /// The region that requests are signed for at present.
  var region: String { knowledge.withLock { $0.region } }

  /// The successful answer to `request`.
  func send(_ request: S3Request) async throws(Failure) -> HTTPResponse {
    var corrections = 0
    while true {
      let attempt = try await attempt(request)
      guard !attempt.response.isSuccess else { return attempt.response }
      let failure = try await failure(of: attempt, request)
      guard corrections < Self.mostCorrections, try await correct(failure, attempt) else {
        throw .refused(failure, region: attempt.region, credentials: attempt.credentials)
      }
      corrections += 1
    }
  }

  private func attempt(_ request: S3Request) async throws(Failure) -> Attempt {
    let credentials: S3Credentials?
    do throws(CredentialError) {
      credentials = try await self.credentials?.current()
    } catch {
      throw .unsigned(error)
    }
    let (region, wantsMD5) = knowledge.withLock { ($0.region, $0.wantsMD5) }
    let signed = clock.reading
    let endpoint = S3Endpoint(location, in: region, lookup: request.namesBucketInPath ? .path : lookup)
    let path = request.key.map(endpoint.path(of:)) ?? endpoint.path
    var fields = request.fields
    let hash = request.body.flatMap { $0.byteCount <= Self.smallByteCount || wantsMD5 ? Self.md5($0) : nil }
    if let hash { fields.append("Content-MD5: \(hash)") }
    if let credentials {
      let subject = S3Signature.Subject(
        method: request.method.rawValue, host: endpoint.origin.authority, path: path, query: request.query,
        fields: fields,
        payloadHash: request.payloadHash)
      fields = S3Signature(credentials: credentials, region: region, service: .s3, time: signed.time).fields(
        of: subject)
    }
    let target = request.query.text.isEmpty ? path : "\(path)?\(request.query.text)"
    do throws(HTTPFailure) {
      let response = try await transport(to: endpoint.origin).send(
        HTTPRequest(method: request.method, target: target, fields: fields, body: request.body, room: request.room))
      if isImitation(response) { noteMD5() }
      return Attempt(
        response: response, region: region, signed: signed, hadMD5: hash != nil, credentials: credentials)
    } catch {
      throw .unanswered(error)
    }
  }

  /// Why `attempt` failed; if the answer to a HEAD does not say, the same is requested with GET.
  private func failure(of attempt: Attempt, _ request: S3Request) async throws(Failure) -> S3Failure {
    let failure = S3Failure(attempt.response)
    let isClear = failure.region.map { $0 != attempt.region } ?? false
    guard request.method == .head, !isClear, [301, 307, 400, 401, 403].contains(failure.status) else { return failure }
    let asked = try await self.attempt(request.asked)
    return asked.response.isSuccess ? failure : S3Failure(asked.response)
  }

  /// Whether `failure` had a cause that is corrected now.
  private func correct(_ failure: S3Failure, _ attempt: Attempt) async throws(Failure) -> Bool {
    if let region = failure.region, region != attempt.region, Self.statusesOfOtherRegions.contains(failure.status) {
      knowledge.withLock { $0.region = region }
      return true
    }
    if attempt.credentials != nil, clock.correct(after: failure, to: attempt.signed) { return true }
    switch failure.code {
    case "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired":
      guard let used = attempt.credentials, let credentials else { return false }
      do throws(CredentialError) {
        return try await credentials.renew(after: used)
      } catch {
        throw .unsigned(error)
      }
    default:
      guard !attempt.hadMD5, failure.status == 400, failure.message.contains("Content-MD5") else { return false }
      noteMD5()
      return true
    }
  }

  /// rclone uses the server name of Amazon's servers, and checks MD5 only.
  private func isImitation(_ response: HTTPResponse) -> Bool {
    response.fields[.server] == "AmazonS3" && AmazonHost(location.origin.host) == nil
  }

  /// The server checks only MD5 (rclone), or protects files from removal and requires MD5 for that (Object Lock).
  private func noteMD5() { knowledge.withLock { $0.wantsMD5 = true } }

  private func transport(to origin: HTTPOrigin) -> any HTTPTransport {
    if let known = knowledge.withLock({ $0.transports[origin] }) { return known }
    // The first transport loads a library.
    let new = makeTransport(origin, nil)
    return knowledge.withLock { knowledge in
      // Requests under way keep their transports.
      if knowledge.transports.count >= Self.mostTransports { knowledge.transports = [:] }
      let chosen = knowledge.transports[origin] ?? new
      knowledge.transports[origin] = chosen
      return chosen
    }
  }

  /// In base64.
  private static func md5(_ bytes: PooledBytes) -> String? {
    bytes.withUnsafeBytes { MD5.hash(of: $0) }.map { hash in
      let count = GoJSON.base64Count(byteCount: hash.count)
      return String(unsafeUninitializedCapacity: count + 1) { text in
        guard let start = text.baseAddress else { return 0 }
        hash.withUnsafeBytes { GoJSON.encodeBase64($0, to: start) }
        return count
      }
    }
  }
}
