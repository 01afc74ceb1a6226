/// The meaning of a server's refusals, and what a person can change.
extension SFTPBackend {
  /// The error for a request that has no answer.
  func failure(_ failure: SFTPFailure) -> BackendError {
    switch failure {
    case .unreachable(let message): .unreachable(message)
    case .refused(let message): .denied(message)
    case .interrupted(let message): .unavailable(message)
    case .cancelled: .unavailable("\(host): cancelled")
    }
  }

  /// The error for `status`, by which the server refuses `operation`. OpenSSH has one code for most failures, so the
  /// cause is found out with further requests.
  func failure(
    _ status: SFTPStatus, _ operation: String, _ file: BackendFile?, byteCount: Int = 0,
    in call: SFTPCall
  ) async throws(BackendError) -> BackendError {
    let message = "\(host) does not \(operation) (\(status))"
    switch status.code {
    case .noSuchFile:
      guard try await rootIsThere(in: call) else { return missing }
      return file.map { .notFound($0) } ?? .missing(message)
    case .permissionDenied:
      return .denied(
        "\(message); check the owner and permissions of \(paths.root) on the server, or mount it with --read-only")
    case .writeProtected:
      return .denied(message)
    case .unsupported:
      return .denied("\(message): it does not support that")
    case .noSpace, .quotaExceeded:
      return .noSpace(message)
    case .failure, .alreadyExists, .badMessage, .endOfFile, .ok, nil:
      guard let fileSystem = try await fileSystem(in: call) else { return .unavailable(message) }
      if fileSystem.isReadOnly { return .denied("\(message): the disk at \(paths.root) is read-only") }
      let isFull = fileSystem.capacity.availableByteCount < UInt64(byteCount) || !fileSystem.hasFreeFiles
      return isFull && byteCount > 0 ? .noSpace(message) : .unavailable(message)
    }
  }

  /// The error for an answer that makes no sense.
  func unexpected(_ operation: String) -> BackendError {
    .unavailable("\(host) sent an unexpected answer to a request to \(operation)")
  }

  /// There is no folder for the repository.
  var missing: BackendError { .missing("there is no folder \(paths.root) on \(host) (is its disk mounted?)") }

  /// Whether the repository's folder is there now: its disk may come and go.
  func rootIsThere(in call: SFTPCall) async throws(BackendError) -> Bool {
    try await reply(to: .status(paths.root), in: call).attributes?.isFolder ?? false
  }
}
