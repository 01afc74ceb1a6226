/// One request to a bucket.
struct S3Request: Sendable {
  let method: HTTPRequest.Method
  /// The key; nil for the bucket itself.
  var key: String?
  var query = S3Query()
  /// Fields in addition to those of every request, each `Name: value`.
  var fields: [String] = []
  /// The body; not copied.
  var body: PooledBytes?
  /// The SHA-256 of `body`, in hex digits.
  var payloadHash = S3Signature.emptyHash
  /// How much of the answer is accepted.
  var room = HTTPRequest.Room.none
  /// Whether the bucket is always named in the path, as for a bucket that does not exist yet.
  var namesBucketInPath = false

  /// The same request as a GET, whose answer has a message, unlike that of a HEAD.
  var asked: S3Request {
    var copy = self
    guard method == .head else { return copy }
    copy = S3Request(
      method: .get, key: key, query: key == nil ? S3Query([("list-type", "2"), ("max-keys", "1")]) : query)
    copy.fields = key == nil ? fields : fields + ["Range: bytes=0-0"]
    return copy
  }
}
