/// The time spans of each of which a policy keeps one snapshot.
public enum RetentionInterval: String, Hashable, Sendable, CaseIterable {
  case hourly
  case daily
  /// From Monday to Sunday, numbered as ISO 8601 does.
  case weekly
  case monthly
  case yearly

  /// A number that two times have in common if they are in the same span, each in the zone in which it is written.
  func number(of time: Timestamp) -> Int64 {
    let calendar = CalendarTime(time)
    switch self {
    case .hourly: return calendar.days * 24 + calendar.hour
    case .daily: return calendar.days
    // 1970-01-01 was a Thursday.
    case .weekly: return (calendar.days + 3).flooredQuotient(by: 7)
    case .monthly: return calendar.year * 12 + calendar.month - 1
    case .yearly: return calendar.year
    }
  }
}

/// Date and hour of a time in the zone in which the time is written.
struct CalendarTime: Sendable {
  /// Days since 1970-01-01.
  let days: Int64
  let year: Int64
  let month: Int64
  let day: Int64
  let secondOfDay: Int64

  var hour: Int64 { secondOfDay / 3600 }

  init(_ time: Timestamp) {
    let local = time.seconds + Int64(time.offsetMinutes) * 60
    days = local.flooredQuotient(by: 86400)
    secondOfDay = local - days * 86400
    (year, month, day) = Timestamp.date(days: days)
  }
}

extension Int64 {
  /// The quotient, rounded towards minus infinity.
  func flooredQuotient(by divisor: Int64) -> Int64 {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? quotient - 1 : quotient
  }
}
