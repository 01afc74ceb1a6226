/// Asks a service that hands out credentials.
struct CredentialService: Sendable {
  /// The size limit of an answer.
  static let answerLimit = 64 << 10

  let transport: any HTTPTransport
  /// The service's name in messages.
  let source: String

  /// The body of the answer to `request`. For an unsuccessful answer, throws the error that `refusal` returns.
  func ask(
    _ request: HTTPRequest, refusal: (HTTPResponse) -> CredentialError? = { _ in nil }
  ) async throws(CredentialError) -> [UInt8] {
    var request = request
    request.room = .upTo(Self.answerLimit)
    let response: HTTPResponse
    do throws(HTTPFailure) {
      response = try await transport.send(request)
    } catch {
      throw CredentialError("\(source): \(Self.words(of: error))", isPassing: true)
    }
    guard response.isSuccess else {
      throw refusal(response)
        ?? CredentialError(
          "\(source): the answer is \(S3Failure(response).text)",
          isPassing: response.status >= 500 || response.status == 429)
    }
    guard case .taken(let body) = response.body else {
      throw CredentialError("\(source): the answer has more than \(Self.answerLimit) bytes")
    }
    return body.array
  }

  /// Why there is no answer.
  static func words(of failure: HTTPFailure) -> String {
    switch failure {
    case .unreachable(let message), .untrusted(let message), .refused(let message), .interrupted(let message): message
    case .cancelled: "cancelled"
    }
  }
}
