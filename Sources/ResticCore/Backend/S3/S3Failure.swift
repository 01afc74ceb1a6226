/// A server's answer that it did not carry out a request.
///
///     <Error> <Code>AccessDenied</Code> <Message>Access Denied</Message> <Region>eu-west-1</Region> … </Error>
///
/// The answer to a HEAD has no body. The end of the body may be missing.
/// Source: AWS, S3 API Reference, "Error responses".
struct S3Failure: Hashable, Sendable {
  /// 403 …
  let status: Int
  /// `AccessDenied` …; empty if the server sends none.
  let code: String
  /// The server's message, printable; empty if there is none.
  let message: String
  /// The bucket's region, if the server names a valid one.
  let region: String?
  /// How long the server asks clients to wait.
  let retryAfter: Duration?
  /// The server's clock, in seconds since 1970.
  let serverTime: Int64?

  /// The most characters of a server's message that a person is shown.
  private static let longestMessage = 200
  private static let longestCode = 64

  /// The failure in `response`, whose `isSuccess` is false.
  init(_ response: HTTPResponse) {
    status = response.status
    retryAfter = response.retryAfter
    serverTime = response.fields[.date].flatMap(HTTPDate.seconds)
    var found: [String: String] = [:]
    if case .taken(let body) = response.body {
      body.withUnsafeBytes { bytes in
        // If the body is not XML, or ends in the middle, the part that was read counts.
        try? XMLScanner.scan(bytes, mayBeCut: true) { event in
          guard case .end(let name, let text) = event, ["Code", "Message", "Region"].contains(name) else { return }
          found[name] = found[name] ?? text
        }
      }
    }
    let letters = (found["Code"] ?? "").filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == ".") }
    code = String(letters.prefix(Self.longestCode))
    message = String(
      decoding: (found["Message"] ?? "").utf8.filter { (0x20..<0x7f).contains($0) }.prefix(Self.longestMessage),
      as: UTF8.self)
    region = [found["Region"], response.fields[.bucketRegion]].compactMap(\.self).first(where: S3Region.isValid)
  }

  /// `403 AccessDenied, Access Denied.`
  var text: String {
    "status \(status)\(code.isEmpty ? "" : " \(code)")\(message.isEmpty ? "" : ", \(message)")"
  }
}
