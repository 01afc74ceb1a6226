/// The clock of a server, as far as it is known: a request is signed for a time, and is good for some minutes of it.
///
/// It is taken for this machine's until the server refuses a request because of the time. `offset` is a leaf lock.
final class ServerClock: Sendable {
  /// A time, and how it was found.
  struct Reading: Sendable {
    /// Seconds since 1970.
    let time: Int64
    /// What was added to this machine's clock.
    let offset: Int64
  }

  /// What servers say where nothing but the time can be wrong. Source: AWS SDK for Go, retry.go.
  private static let codes: Set<String> = ["RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"]
  /// What they also say where the time is right, the token service above all: the clocks have to tell.
  private static let vagueCodes: Set<String> = ["SignatureDoesNotMatch", "InvalidSignatureException", "AuthFailure"]
  /// Clocks that differ by less are not why a request is refused.
  private static let tolerance: Int64 = 1
  /// The same for a vague refusal: no server minds less. The token service minds five minutes, S3 fifteen.
  private static let vagueTolerance: Int64 = 240

  private let now: @Sendable () -> Int64
  private let offset = Locked<Int64>(0)

  /// A server's clock; `now` is this machine's, in seconds since 1970.
  init(now: @escaping @Sendable () -> Int64 = { Timestamp.now().seconds }) {
    self.now = now
  }

  /// What the clock shows.
  var reading: Reading {
    let offset = offset.withLock { $0 }
    return Reading(time: now() + offset, offset: offset)
  }

  /// Takes the server's time over, where `failure` is for a request that was signed at `reading` and may be because of that. Says
  /// whether it did.
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
