/// The meaning of a server's refusals, and what a person can change.
extension RESTBackend {
  /// The error for `response`, by which the server refuses `operation`.
  ///
  /// Source for what is retried: restic, IsPermanentError; restic retries all others.
  func failure(
    _ response: HTTPResponse, _ operation: String, _ file: BackendFile?, byteCount: Int = 0
  ) -> BackendError {
    let refusal = "\(place.server) does not \(operation) (\(status(of: response)))"
    switch response.status {
    case 404:
      let nothing = BackendError.missing("there is nothing at \(place.description) (\(status(of: response)))")
      return file.map { .notFound($0) } ?? nothing
    case 401:
      return .denied("\(refusal): \(place.unknownUser)")
    case 403:
      return .denied("\(refusal): \(place.forbidden), or nobody may (an append-only server)")
    case 413:
      return .denied(
        "\(refusal): it does not accept \(byteCount) bytes at once; raise its limit (client_max_body_size in nginx) or lower --pack-size"
      )
    case 416:
      return file.map { .truncated($0) } ?? .unavailable(refusal)
    case 507:
      return .noSpace("\(place.server) has no space left (\(status(of: response)))")
    case 300..<400:
      let other = response.fields[.location].map { " to \(RESTLocation.withoutSecrets($0))" } ?? ""
      return .denied("\(refusal): it redirects\(other); use that address instead")
    case 405, 501:
      return .denied("\(refusal): is there a restic REST server at \(place.path)?")
    default:
      return unavailable(response, operation)
    }
  }

  /// The error for a `response` that may be better at another try.
  func unavailable(_ response: HTTPResponse, _ operation: String) -> BackendError {
    let message = "\(place.server) could not \(operation) (\(status(of: response)))"
    return response.isOverload ? .busy(message, retryAfter: response.retryAfter ?? .zero) : .unavailable(message)
  }

  /// The error for a request that has no answer.
  func failure(_ failure: HTTPFailure) -> BackendError {
    switch failure {
    case .unreachable(let message): .unreachable(message)
    case .interrupted(let message): .unavailable(message)
    case .refused(let message): .denied(message)
    case .cancelled: .unavailable("\(place.server): cancelled")
    case .untrusted(let message):
      .denied("\(message); --cacert names the certificates to trust, --tls-client-cert the one to present")
    }
  }

  /// `status 403, Forbidden`: the number, the first words of the answer, and what its program says.
  private func status(of response: HTTPResponse) -> String {
    let words = words(of: response)
    return response.remark.isEmpty ? words : "\(words): \(response.remark)"
  }

  private func words(of response: HTTPResponse) -> String {
    guard case .taken(let body) = response.body else { return "status \(response.status)" }
    let line = body.withUnsafeBytes { bytes in
      String(decoding: bytes.prefix(80).prefix { (0x20..<0x7f).contains($0) }, as: UTF8.self)
    }
    // An HTML page adds nothing.
    return line.isEmpty || line.contains("<") ? "status \(response.status)" : "status \(response.status), \(line)"
  }
}
