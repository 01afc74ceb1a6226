/// One request to the server of a transport.
struct HTTPRequest: Sendable {
  /// The method.
  enum Method: String, Sendable {
    case delete = "DELETE"
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
    case put = "PUT"
  }

  /// How much of a successful answer's body is accepted. Of any other answer's body the first few words are kept.
  enum Room: Hashable, Sendable {
    /// Nothing.
    case none
    /// A body of exactly this many bytes.
    case exactly(Int)
    /// A body of at most this many bytes.
    case upTo(Int)
  }

  /// The method.
  let method: Method
  /// Path and query, as they are sent: `/vault/data/?create=true`.
  let target: String
  /// Header fields, each `Name: value`.
  var fields: [String] = []
  /// The body of the request; not copied.
  var body: PooledBytes?
  /// How much of the answer is accepted.
  var room = Room.none

  /// The most bytes that go over the network, without headers.
  var byteLimit: Int {
    let answer =
      switch room {
      case .none: 0
      case .exactly(let count), .upTo(let count): count
      }
    return max(body?.byteCount ?? 0, answer)
  }
}
