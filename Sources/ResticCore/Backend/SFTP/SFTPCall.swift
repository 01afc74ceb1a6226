/// One call of a backend, on the connection on which it began: handles are valid there only.
struct SFTPCall: Sendable {
  let connection: SFTPConnection
  /// Whether the call ends as soon as its task is cancelled. A call that began in a cancelled task is cleaning up.
  let isCancellable: Bool

  /// Whether the server supports `feature`.
  func has(_ feature: SFTPExtension) -> Bool { connection.has(feature) }

  /// The replies to `steps`, one for each.
  func run(_ steps: [SFTPExchange.Step]) async throws(SFTPFailure) -> [SFTPReply] {
    try await connection.run(steps, isCancellable: isCancellable)
  }

  /// Sends `requests` without waiting for the answers.
  func post(_ requests: [SFTPRequest]) { connection.post(requests) }
}
