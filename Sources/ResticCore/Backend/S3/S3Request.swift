/// One request to a bucket.
struct S3Request: Sendable {
  let method: HTTPRequest.Method
  /// The key; nil for the bucket itself.
  var key: String?
  var query = S3Query()
  /// Fields beside those that every request has, each `Name: value`.
  var fields: [String] = []
  /// What is sent along; not copied.
  var body: PooledBytes?
  /// The SHA-256 of `body`, in hex digits.
  var payloadHash = S3Signature.emptyHash
  /// What is taken of the answer.
  var room = HTTPRequest.Room.none
  /// Whether the bucket stands in the path, whatever else is done: as for one that is to be made.
  var namesBucketInPath = false

  /// The same question, so that its answer has words: a HEAD's has none.
  var asked: S3Request {
    var copy = self
    guard method == .head else { return copy }
    copy = S3Request(
      method: .get, key: key, query: key == nil ? S3Query([("list-type", "2"), ("max-keys", "1")]) : query)
    copy.fields = key == nil ? fields : fields + ["Range: bytes=0-0"]
    return copy
  }
}
