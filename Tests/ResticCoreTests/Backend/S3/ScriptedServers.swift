import Synchronization

@testable import ResticCore

/// Servers that a test makes up: each request is answered by a closure, whatever host it is for.
final class ScriptedServers: Sendable {
  /// A request, and the server that it was for.
  struct Call: Sendable {
    let origin: HTTPOrigin
    let request: HTTPRequest
    /// How many came before it.
    let number: Int

    /// The value of the first field called `name`.
    func field(_ name: String) -> String? {
      request.fields.first { $0.lowercased().hasPrefix("\(name.lowercased()): ") }.map {
        String($0.dropFirst(name.count + 2))
      }
    }

    /// The body, as text.
    var text: String { request.body.map { String(decoding: $0.array, as: UTF8.self) } ?? "" }
  }

  typealias Answer = @Sendable (Call) throws(HTTPFailure) -> HTTPResponse

  private let answer: Answer
  private let log = Mutex<[Call]>([])

  init(_ answer: @escaping Answer) {
    self.answer = answer
  }

  /// All requests so far.
  var calls: [Call] { log.withLock { $0 } }

  /// For `S3Backend` and credentials.
  var makeTransport: TransportMaker {
    { origin, _ in Transport(servers: self, origin: origin) }
  }

  /// An answer. `body` is the part that a success reads.
  static func answer(
    _ status: Int, _ body: String = "", _ fields: [HTTPResponse.Field: String] = [:], retryAfter: Duration? = nil
  ) -> HTTPResponse {
    let bytes = Array(body.utf8)
    return HTTPResponse(
      status: status, fields: fields, statedByteCount: bytes.count, retryAfter: retryAfter,
      body: .taken(PooledBytes(copying: bytes)))
  }

  private struct Transport: HTTPTransport {
    let servers: ScriptedServers
    let origin: HTTPOrigin

    func send(_ request: HTTPRequest) async throws(HTTPFailure) -> HTTPResponse {
      let call = servers.log.withLock { log in
        let call = Call(origin: origin, request: request, number: log.count)
        log.append(call)
        return call
      }
      return try servers.answer(call)
    }
  }
}

/// A provider of the test's credentials.
struct ScriptedCredentials: CredentialProvider {
  let next: @Sendable () throws(CredentialError) -> S3Credentials?

  init(_ next: @escaping @Sendable () throws(CredentialError) -> S3Credentials?) {
    self.next = next
  }

  func credentials() throws(CredentialError) -> S3Credentials? { try next() }
}

extension S3Credentials {
  /// Credentials for a test.
  static func test(
    _ key: String = "AKIATESTTESTTEST7731", secret: String = "geheim+7731/secret", token: String? = nil,
    expiration: Int64? = nil
  ) throws(CredentialError) -> S3Credentials {
    try S3Credentials(accessKeyID: key, secret: secret, sessionToken: token, expiration: expiration, source: "a test")
  }
}

extension S3Options {
  /// The options that `texts` give.
  static func test(_ texts: String...) throws(OptionError) -> S3Options {
    var values = try OptionValues(texts, of: "s3")
    return try S3Options(&values)
  }
}
