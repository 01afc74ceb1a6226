internal import Glibc

/// A point in time with nanoseconds, and the offset of the zone in which it was written.
///
/// `==` compares the fields, so that re-encoding can be compared byte by byte; `<` compares instants. Two values that
/// are the same instant in different zones are therefore neither equal nor ordered.
public struct Timestamp: Hashable, Comparable, Sendable {
  /// Seconds since 1970-01-01T00:00:00Z; negative before.
  public var seconds: Int64
  /// Nanoseconds after `seconds`, below 1,000,000,000.
  public var nanoseconds: UInt32
  /// Minutes east of UTC of the zone in which the time is written, -1439...1439. Does not change the instant.
  public var offsetMinutes: Int16

  /// Go's zero time, 0001-01-01T00:00:00Z, which restic reads for a missing time.
  public static let zero = Timestamp(seconds: -62_135_596_800, nanoseconds: 0)

  /// The instant `seconds` and `nanoseconds` after the epoch, written in a zone `offsetMinutes` east of UTC. Traps
  /// unless the fields are in their ranges: callers check input from outside.
  public init(seconds: Int64, nanoseconds: UInt32, offsetMinutes: Int16 = 0) {
    precondition(nanoseconds < 1_000_000_000, "a second has 1,000,000,000 nanoseconds")
    precondition(offsetMinutes > -1440 && offsetMinutes < 1440, "an offset is less than a day")
    self.seconds = seconds
    self.nanoseconds = nanoseconds
    self.offsetMinutes = offsetMinutes
  }

  /// The wall clock, in UTC.
  public static func now() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(seconds: Int64(time.tv_sec), nanoseconds: UInt32(time.tv_nsec))
  }

  /// The instant `nanoseconds` later (earlier if negative), in the same zone; clamped to the range of Int64 seconds.
  public func adding(nanoseconds delta: Int64) -> Timestamp {
    let billion: Int64 = 1_000_000_000
    var carry = delta / billion
    var rest = Int64(nanoseconds % 1_000_000_000) + delta % billion
    if rest < 0 {
      rest += billion
      carry -= 1
    } else if rest >= billion {
      rest -= billion
      carry += 1
    }
    let (sum, overflow) = seconds.addingReportingOverflow(carry)
    var result = self
    result.seconds = overflow ? (carry < 0 ? .min : .max) : sum
    result.nanoseconds = overflow ? (carry < 0 ? 0 : 999_999_999) : UInt32(rest)
    return result
  }

  /// Compares instants only; the zone does not matter.
  public static func < (left: Timestamp, right: Timestamp) -> Bool {
    (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
  }
}
