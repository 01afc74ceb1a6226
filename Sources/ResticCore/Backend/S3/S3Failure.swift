/// A server's answer that it did not do what it was asked for.
///
///     <Error> <Code>AccessDenied</Code> <Message>Access Denied</Message> <Region>eu-west-1</Region> … </Error>
///
/// The answer to a HEAD has no such words. What stands behind the words may be cut off.
/// Source: AWS, S3 API Reference, "Error responses".
struct S3Failure: Hashable, Sendable {
  /// 403 …
  let status: Int
  /// `AccessDenied` …; empty where the server says none.
  let code: String
  /// The server's words, printable; empty where there are none.
  let message: String
  /// The bucket's region, if the server names a valid one.
  let region: String?
  /// How long the server wants to be left alone.
  let retryAfter: Duration?
  /// The server's clock, in seconds since 1970.
  let serverTime: Int64?

  /// A person is shown no more of a server's words.
  private static let longestMessage = 200
  private static let longestCode = 64

  /// What `response`, which `isSuccess` is false of, says.
  init(_ response: HTTPResponse) {
    status = response.status
    retryAfter = response.retryAfter
    serverTime = response.fields[.date].flatMap(HTTPDate.seconds)
    var found: [String: String] = [:]
    if case .taken(let body) = response.body {
      body.withUnsafeBytes { bytes in
        // What is no XML, or ends in the middle, has told what it has.
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
