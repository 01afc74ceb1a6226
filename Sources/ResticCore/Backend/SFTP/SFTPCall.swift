/// One call of a backend, on the connection that it began on: handles are valid there only.
struct SFTPCall: Sendable {
  let connection: SFTPConnection
  /// Whether it ends as soon as its task is cancelled. One that began in a cancelled task is there to clean up.
  let isCancellable: Bool

  /// Whether the server has `feature`.
  func has(_ feature: SFTPExtension) -> Bool { connection.has(feature) }

  /// The replies to `steps`, one for each.
  func run(_ steps: [SFTPExchange.Step]) async throws(SFTPFailure) -> [SFTPReply] {
    try await connection.run(steps, isCancellable: isCancellable)
  }

  /// Sends `requests`; nobody waits for the answers.
  func post(_ requests: [SFTPRequest]) { connection.post(requests) }
}
