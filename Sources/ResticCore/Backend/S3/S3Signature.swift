/// Amazon's signature version 4 of a request.
///
///     signing key = HMAC(HMAC(HMAC(HMAC("AWS4" + secret, day), region), service), "aws4_request")
///     string to sign = AWS4-HMAC-SHA256 ⏎ time ⏎ day/region/service/aws4_request ⏎ hash of the canonical request
///     canonical request = method ⏎ path ⏎ query ⏎ fields, a line each ⏎ ⏎ names of the fields ⏎ hash of the payload
///
/// Path and query are signed as they are sent, encoded once. All given fields are signed.
/// Source: AWS, "Create a signed AWS API request"; checked with Amazon's examples.
struct S3Signature: Sendable {
  /// The service that is called.
  enum Service: String, Sendable {
    case s3
    /// The service for temporary credentials.
    case sts
  }

  /// The parts of a request that are signed.
  struct Subject: Sendable {
    let method: String
    /// The host and its port, as the request names them.
    let host: String
    /// Encoded; begins with a slash.
    let path: String
    let query: S3Query
    /// Each `Name: value`.
    var fields: [String]
    /// The SHA-256 of the payload, in hex digits.
    let payloadHash: String
  }

  /// The hash of no payload.
  static let emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

  let credentials: S3Credentials
  let region: String
  let service: Service
  /// Seconds since 1970.
  let time: Int64

  /// The fields of `subject`, and those of the signature.
  func fields(of subject: Subject) -> [String] {
    var subject = subject
    subject.fields.append("x-amz-date: \(timeText)")
    if service == .s3 { subject.fields.append("x-amz-content-sha256: \(subject.payloadHash)") }
    if let token = credentials.sessionToken { subject.fields.append("x-amz-security-token: \(token)") }
    return subject.fields + ["Authorization: \(authorization(of: subject))"]
  }

  /// The value of the field Authorization.
  func authorization(of subject: Subject) -> String {
    let lines = Self.canonicalFields(subject)
    let names = lines.map(\.name).joined(separator: ";")
    let canonical =
      [subject.method, subject.path, subject.query.text] + lines.map { "\($0.name):\($0.value)" }
      + ["", names, subject.payloadHash]
    let scope = "\(day)/\(region)/\(service.rawValue)/aws4_request"
    let hash = SHA256.id(of: Array(canonical.joined(separator: "\n").utf8), as: ID<Never>.self)
    let signed = ["AWS4-HMAC-SHA256", timeText, scope, hash.hex].joined(separator: "\n")
    let signature = Hex.text(HMACSHA256.code(of: Array(signed.utf8), key: signingKey))
    return
      "AWS4-HMAC-SHA256 Credential=\(credentials.accessKeyID)/\(scope), SignedHeaders=\(names), Signature=\(signature)"
  }

  /// The key for all requests of a day to a service in a region.
  var signingKey: [UInt8] {
    [String(day), region, service.rawValue, "aws4_request"].reduce(Array("AWS4\(credentials.secret)".utf8)) {
      key, text in
      HMACSHA256.code(of: Array(text.utf8), key: key)
    }
  }

  /// `20130524T000000Z`.
  private var timeText: String {
    Timestamp(seconds: time, nanoseconds: 0).rfc3339.filter { $0 != "-" && $0 != ":" }
  }

  private var day: Substring { timeText.prefix(8) }

  /// Names in lower case, sorted; values without surrounding white space, and with single spaces.
  private static func canonicalFields(_ subject: Subject) -> [(name: String, value: String)] {
    let fields = (subject.fields + ["host: \(subject.host)"]).map { field in
      let parts = field.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      let value = parts.count > 1 ? parts[1] : ""
      return (name: parts[0].lowercased(), value: value.split(separator: " ").joined(separator: " "))
    }
    return fields.sorted { $0.name < $1.name }
  }
}
