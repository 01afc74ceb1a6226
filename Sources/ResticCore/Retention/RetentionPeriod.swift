/// A length of time as restic writes it: `1y5m7d2h`, where `m` is a month.
public struct RetentionPeriod: Hashable, Sendable {
  /// Calendar years; a parsed period has at most 1,000,000 of each unit.
  public var years: Int64
  /// Calendar months, counted back after the years.
  public var months: Int64
  /// Calendar days in the zone of the time from which the period is counted back.
  public var days: Int64
  /// Hours of 3,600 seconds.
  public var hours: Int64

  /// A period of these units added together; without arguments the empty period.
  public init(years: Int64 = 0, months: Int64 = 0, days: Int64 = 0, hours: Int64 = 0) {
    (self.years, self.months, self.days, self.hours) = (years, months, days, hours)
  }

  /// The period that `text` spells: numbers, each with a unit; the last one counts if a unit is repeated. Nil for
  /// anything else, and for more than a million of a unit.
  public init?(text: String) {
    self.init()
    var number: Int64?
    for scalar in text.unicodeScalars {
      if ("0"..."9").contains(scalar) {
        number = (number ?? 0) * 10 + Int64(scalar.value - 48)
        guard let number, number <= 1_000_000 else { return nil }
        continue
      }
      guard let count = number else { return nil }
      number = nil
      switch scalar {
      case "y": years = count
      case "m": months = count
      case "d": days = count
      case "h": hours = count
      default: return nil
      }
    }
    guard number == nil else { return nil }
  }

  /// Whether the period is empty, which means no limit.
  public var isZero: Bool { self == RetentionPeriod() }

  /// The time this long before `time`: years, months and days by the calendar of the zone in which `time` is written (a
  /// day that a month does not have runs on into the next month), then hours.
  func before(_ time: Timestamp) -> Timestamp {
    let calendar = CalendarTime(time)
    let month = calendar.year * 12 + calendar.month - 1 - years * 12 - months
    let year = month.flooredQuotient(by: 12)
    let first = Timestamp.days(year: year, month: month - year * 12 + 1, day: 1)
    let local = (first + calendar.day - 1 - days) * 86400 + calendar.secondOfDay - hours * 3600
    return Timestamp(
      seconds: local - Int64(time.offsetMinutes) * 60, nanoseconds: time.nanoseconds, offsetMinutes: time.offsetMinutes)
  }
}
