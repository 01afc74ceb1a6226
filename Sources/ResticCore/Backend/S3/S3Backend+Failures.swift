/// The meaning of a server's refusals, and what a person can change.
extension S3Backend {
  /// Failures that may pass, whatever their status.
  /// Source: minio-go, retry.go, and restic, IsPermanentError; bytes that were damaged or lost in transfer are sent
  /// again.
  private static let passingCodes: Set<String> = [
    "RequestTimeout", "Throttling", "ThrottlingException", "RequestLimitExceeded", "RequestThrottled", "InternalError",
    "SlowDown", "SlowDownRead", "SlowDownWrite", "ServiceUnavailable", "OperationAborted", "ConditionalRequestConflict",
    "BadDigest", "XAmzContentSHA256Mismatch", "IncompleteBody", "TooManyRequests",
  ]

  /// The codes of an overloaded server.
  private static let overloadCodes: Set<String> = [
    "SlowDown", "SlowDownRead", "SlowDownWrite", "Throttling", "ThrottlingException", "RequestLimitExceeded",
    "RequestThrottled", "ServiceUnavailable", "TooManyRequests",
  ]

  /// The error for `failure`, because of which `operation` failed.
  func failure(
    _ failure: S3Client.Failure, _ operation: String, _ file: BackendFile?, byteCount: Int = 0
  ) -> BackendError {
    switch failure {
    case .unanswered(let failure): return Self.error(failure, at: location)
    case .unsigned(let error): return error.isPassing ? .unavailable("\(error)") : .denied("\(error)")
    case .refused(let refusal, let region, let credentials):
      return error(refusal, operation, file, byteCount, Signer(region: region, credentials: credentials))
    }
  }

  /// The identity that signed a refused request.
  private struct Signer {
    let region: String
    let credentials: S3Credentials?

    var text: String { credentials.map { "the access key \($0)" } ?? "a client without a key" }
  }

  private func error(
    _ failure: S3Failure, _ operation: String, _ file: BackendFile?, _ byteCount: Int, _ signer: Signer
  ) -> BackendError {
    let place = "bucket \"\(location.bucket)\" at \(location.origin)"
    let refusal = "\(location.origin) does not \(operation) in bucket \"\(location.bucket)\" (\(failure.text))"
    switch (failure.status, failure.code) {
    case (_, let code) where Self.passingCodes.contains(code): return passing(failure, operation)
    case (404, "NoSuchBucket"): return .missing("there is no \(place); restic-gitfs init makes it")
    case (404, _): return file.map { .notFound($0) } ?? .missing("there is nothing at \(location) (\(failure.text))")
    case (416, _): return file.map { .truncated($0) } ?? .unavailable(refusal)
    case (300..<400, _):
      return .denied(
        "\(refusal): the bucket is elsewhere; give its own address, and its region as -o s3.region")
    case (400, _) where failure.code.contains("Token"), (401, _), (403, _):
      return .denied("\(refusal): \(advice(failure, signer))")
    case (413, _), (400, "EntityTooLarge"):
      return .denied("\(refusal): it does not accept \(byteCount) bytes at once; lower --pack-size")
    case (507, _), (_, "QuotaExceeded"), (_, "XMinioStorageFull"): return .noSpace(refusal)
    case (405, _), (501, _): return .denied("\(refusal): is it an S3 server?")
    case (408, _), (409, _), (425, _), (429, _), (499, _), (500..., _): return passing(failure, operation)
    default:
      return .denied("\(refusal); the request was signed for region \(signer.region), -o s3.region names another one")
    }
  }

  /// The error for an operation that may succeed later.
  private func passing(_ failure: S3Failure, _ operation: String) -> BackendError {
    let message =
      "\(location.origin) could not \(operation) in bucket \"\(location.bucket)\" (\(failure.text))"
    let isOverload =
      failure.retryAfter != nil || HTTPResponse.overloadStatuses.contains(failure.status)
      || Self.overloadCodes.contains(failure.code)
    return isOverload ? .busy(message, retryAfter: failure.retryAfter ?? .zero) : .unavailable(message)
  }

  /// What to change if `signer` lacks a permission.
  private func advice(_ failure: S3Failure, _ signer: Signer) -> String {
    switch failure.code {
    case "InvalidAccessKeyId": "the server does not know \(signer.text)"
    case "SignatureDoesNotMatch":
      "the secret key does not belong to \(signer.text), or region \(signer.region) is wrong (-o s3.region)"
    case "RequestTimeTooSkewed", "RequestExpired": "the clock of this machine is wrong"
    case _ where failure.code.contains("Token"):
      "the session token of \(signer.text) has expired or is wrong; get a new one"
    case "InvalidObjectState": "the file is in an archive; restore it with the storage's own tools first"
    default:
      """
      \(signer.text) may not do that in region \(signer.region); its policy has to allow s3:ListBucket, s3:GetObject, \
      s3:PutObject and s3:DeleteObject
      """
    }
  }

  private static func error(_ failure: HTTPFailure, at location: S3Location) -> BackendError {
    switch failure {
    case .unreachable(let message): .unreachable(message)
    case .interrupted(let message): .unavailable(message)
    case .cancelled: .unavailable("\(location.origin): cancelled")
    case .refused(let message): .denied(message)
    case .untrusted(let message):
      .denied("\(message); --cacert names the certificates to trust, --tls-client-cert the one to present")
    }
  }
}
