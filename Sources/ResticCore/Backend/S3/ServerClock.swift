/// The clock of a server, as far as it is known: a request is signed for a time, and is valid for some minutes around
/// it.
///
/// It is assumed to equal this machine's clock until the server refuses a request because of the time. `offset` is a
/// leaf lock.
final class ServerClock: Sendable {
  /// A time, and how it was found.
  struct Reading: Sendable {
    /// Seconds since 1970.
    let time: Int64
    /// The offset that was added to this machine's clock.
    let offset: Int64
  }

  /// Codes that only a wrong time can cause.
  /// Source: AWS SDK for Go, retry.go.
  private static let codes: Set<String> = ["RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"]
  /// Codes that may also have other causes, above all from the token service: the clocks have to be compared.
  private static let vagueCodes: Set<String> = ["SignatureDoesNotMatch", "InvalidSignatureException", "AuthFailure"]
  /// A smaller difference of the clocks cannot be the cause of a refusal.
  private static let tolerance: Int64 = 1
  /// The same for an ambiguous code: no server is stricter. The token service allows five minutes, S3 fifteen.
  private static let vagueTolerance: Int64 = 240

  private let now: @Sendable () -> Int64
  private let offset = Locked<Int64>(0)

  /// A server's clock; `now` is this machine's, in seconds since 1970.
  init(now: @escaping @Sendable () -> Int64 = { Timestamp.now().seconds }) {
    self.now = now
  }

  /// The server's time.
  var reading: Reading {
    let offset = offset.withLock { $0 }
    return Reading(time: now() + offset, offset: offset)
  }

  /// Adopts the server's time, if `failure` is for a request that was signed at `reading` and the time may be its
  /// cause. Returns whether it did.
  func correct(after failure: S3Failure, to reading: Reading) -> Bool {
    let tolerance: Int64
    if Self.codes.contains(failure.code) {
      tolerance = Self.tolerance
    } else if Self.vagueCodes.contains(failure.code) {
      tolerance = Self.vagueTolerance
    } else {
      return false
    }
    guard let time = failure.serverTime else { return false }
    let (offset, overflow) = time.subtractingReportingOverflow(now())
    guard !overflow, abs(offset - reading.offset) > tolerance else { return false }
    self.offset.withLock { $0 = offset }
    return true
  }
}
