/// One request to the server of a transport.
struct HTTPRequest: Sendable {
  /// What is asked for.
  enum Method: String, Sendable {
    case delete = "DELETE"
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
    case put = "PUT"
  }

  /// How much of the body of an answer is taken, if the answer says that all went well. Of any other answer's body a few
  /// words are kept.
  enum Room: Hashable, Sendable {
    /// Nothing.
    case none
    /// A body of so many bytes, and no other.
    case exactly(Int)
    /// A body of any size up to so many bytes.
    case upTo(Int)
  }

  /// What is asked for.
  let method: Method
  /// Path and query, as they are sent: `/vault/data/?create=true`.
  let target: String
  /// Header fields, each `Name: value`.
  var fields: [String] = []
  /// What is sent along; not copied.
  var body: PooledBytes?
  /// What is taken of the answer.
  var room = Room.none

  /// How many bytes go over the network at most, headers aside.
  var byteLimit: Int {
    let answer =
      switch room {
      case .none: 0
      case .exactly(let count), .upTo(let count): count
      }
    return max(body?.byteCount ?? 0, answer)
  }
}
