/// A server's whole answer to a request.
struct HTTPResponse: Sendable {
  /// What became of the body.
  enum Body: Sendable {
    /// All of it is here.
    case taken(PooledBytes)
    /// It has another size than there was room for (`HTTPRequest.Room`), and nothing of it is here. `byteCount` is the
    /// size that the server states, nil where it states none.
    case refused(byteCount: Int?)
  }

  /// The header fields that are kept; a server can send any number.
  enum Field: String, CaseIterable, Sendable {
    case contentRange = "content-range"
    case contentType = "content-type"
    case date
    case location
    case server
    /// Where S3 keeps the bucket.
    case bucketRegion = "x-amz-bucket-region"
  }

  /// 200, 404 …
  let status: Int
  /// The last value of each field.
  let fields: [Field: String]
  /// The size of the body as the server states it, also in the answer to a HEAD.
  let statedByteCount: Int?
  /// How long the server wants to be left alone.
  let retryAfter: Duration?
  /// The body; the beginning of it where `isSuccess` is false.
  let body: Body
  /// What the server's program has said of it past HTTP; empty where it is none of ours, or has said nothing.
  var remark = ""

  /// Whether the server did what it was asked for.
  var isSuccess: Bool { (200..<300).contains(status) }

  /// What servers answer with that are asked for too much at a time.
  static let overloadStatuses: Set<Int> = [429, 503]

  /// Whether the server has too much to do.
  var isOverload: Bool { retryAfter != nil || Self.overloadStatuses.contains(status) }
}
