/// A server's whole answer to a request.
struct HTTPResponse: Sendable {
  /// What happened to the body.
  enum Body: Sendable {
    /// The whole body.
    case taken(PooledBytes)
    /// The body did not fit into the room (`HTTPRequest.Room`), and was dropped. `byteCount` is the size that the
    /// server stated, nil if it stated none.
    case refused(byteCount: Int?)
  }

  /// The header fields that are kept; a server can send any number of others.
  enum Field: String, CaseIterable, Sendable {
    case contentRange = "content-range"
    case contentType = "content-type"
    case date
    case location
    case server
    /// The region of an S3 bucket.
    case bucketRegion = "x-amz-bucket-region"
  }

  /// 200, 404 …
  let status: Int
  /// The last value of each field.
  let fields: [Field: String]
  /// The size of the body that the server states, also in the answer to a HEAD.
  let statedByteCount: Int?
  /// How long the server asks clients to wait.
  let retryAfter: Duration?
  /// The body; the beginning of it where `isSuccess` is false.
  let body: Body
  /// What the server's program wrote beside HTTP; empty if this process did not start it, or if it wrote nothing.
  var remark = ""

  /// Whether the server carried out the request.
  var isSuccess: Bool { (200..<300).contains(status) }

  /// The statuses of an overloaded server.
  static let overloadStatuses: Set<Int> = [429, 503]

  /// Whether the server is overloaded.
  var isOverload: Bool { retryAfter != nil || Self.overloadStatuses.contains(status) }
}
