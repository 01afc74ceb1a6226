/// Sends requests to one server and returns its answers.
///
/// 1. Every request ends: with an answer, or with a failure once nothing has moved for `TransportOptions.stuckTimeout`.
/// 2. A task that is cancelled during its request gets `.cancelled`; a request that begins in a cancelled task is
///    carried out, so that cleaning up works.
/// 3. An answer takes no more memory than the request has room for.
/// 4. All calls may be made from any thread, concurrently; no call waits for another.
protocol HTTPTransport: Sendable {
  /// The answer to `request`.
  func send(_ request: HTTPRequest) async throws(HTTPFailure) -> HTTPResponse
}
