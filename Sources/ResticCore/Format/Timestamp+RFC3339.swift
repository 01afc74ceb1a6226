/// The text form: `2006-01-02T15:04:05.999999999Z07:00`, as Go's `time.RFC3339Nano`.
extension Timestamp {
  /// The most bytes that `writeRFC3339` writes: `9999-12-31T23:59:59.999999999-23:59`.
  static let maximumTextCount = 35

  /// The text as Go writes it: without trailing zeros of the fraction, without a fraction that is 0, and with `Z` for
  /// an offset of 0.
  ///
  /// A year before 0000 or after 9999, which the text cannot hold, is written as 0000 or 9999 with month and day
  /// unchanged, as restic does.
  public var rfc3339: String {
    String(unsafeUninitializedCapacity: Self.maximumTextCount) { buffer in
      guard let start = buffer.baseAddress else { return 0 }
      return writeRFC3339(to: start)
    }
  }

  /// Whether `rfc3339` is exactly this time, rather than a time in another year.
  public var isStorable: Bool { Timestamp(rfc3339: rfc3339.utf8) == self }

  /// Parses the output of `rfc3339`, and whatever Go reads: any number of fraction digits (only nine are kept), years
  /// 0000 to 9999. Nil for anything else, also for days that a month does not have.
  public init?(rfc3339 text: some Sequence<UInt8>) {
    let bytes = Array(text)
    guard let parsed = bytes.withUnsafeBytes({ Timestamp(rfc3339Bytes: $0) }) else { return nil }
    self = parsed
  }

  /// Parses the bytes in `text`; see `init(rfc3339:)`.
  init?(rfc3339Bytes text: UnsafeRawBufferPointer) {
    guard text.count >= 20,
      let century = Self.twoDigits(text, 0), let yearOfCentury = Self.twoDigits(text, 2), text[4] == UInt8(ascii: "-"),
      let month = Self.twoDigits(text, 5), text[7] == UInt8(ascii: "-"),
      let day = Self.twoDigits(text, 8), text[10] == UInt8(ascii: "T"),
      let hour = Self.twoDigits(text, 11), text[13] == UInt8(ascii: ":"),
      let minute = Self.twoDigits(text, 14), text[16] == UInt8(ascii: ":"),
      let second = Self.twoDigits(text, 17)
    else { return nil }
    let year = century * 100 + yearOfCentury
    guard month >= 1, month <= 12, day >= 1, day <= Self.dayCount(year: year, month: month),
      hour < 24, minute < 60, second < 60
    else { return nil }

    var index = 19
    var fraction: UInt32 = 0
    if text[index] == UInt8(ascii: ".") {
      index += 1
      var unit: UInt32 = 100_000_000
      let first = index
      while index < text.count, text[index] >= UInt8(ascii: "0"), text[index] <= UInt8(ascii: "9") {
        fraction += UInt32(text[index] - UInt8(ascii: "0")) * unit
        unit /= 10
        index += 1
      }
      guard index > first else { return nil }
    }

    var offset: Int64 = 0
    guard index < text.count else { return nil }
    switch text[index] {
    case UInt8(ascii: "Z"):
      guard text.count == index + 1 else { return nil }
    case UInt8(ascii: "+"), UInt8(ascii: "-"):
      guard text.count == index + 6, text[index + 3] == UInt8(ascii: ":"),
        let hours = Self.twoDigits(text, index + 1), hours < 24,
        let minutes = Self.twoDigits(text, index + 4), minutes < 60
      else { return nil }
      offset = (hours * 60 + minutes) * (text[index] == UInt8(ascii: "-") ? -1 : 1)
    default:
      return nil
    }

    let days = Self.days(year: year, month: month, day: day)
    seconds = days * 86400 + hour * 3600 + minute * 60 + second - offset * 60
    nanoseconds = fraction
    offsetMinutes = Int16(offset)
  }

  /// Date and second of the day at `offsetMinutes`, in a year that the text can hold.
  private var shown: (date: (year: Int64, month: Int64, day: Int64), secondOfDay: Int64) {
    // Days and seconds of the day are split before the offset is added, so that no Int64 overflows.
    var days = seconds / 86400
    var secondOfDay = seconds % 86400 + Int64(offsetMinutes) * 60
    while secondOfDay < 0 {
      days -= 1
      secondOfDay += 86400
    }
    if secondOfDay >= 86400 {
      days += 1
      secondOfDay -= 86400
    }
    var date = Self.date(days: days)
    if date.year < 0 || date.year > 9999 {
      date.year = date.year < 0 ? 0 : 9999
      // 9999 has no 29 February: Go's normalisation makes it 1 March.
      if date.day > Self.dayCount(year: date.year, month: date.month) {
        date.month += 1
        date.day = 1
      }
    }
    return (date, secondOfDay)
  }

  /// Writes `rfc3339` to `target`, which has room for `maximumTextCount` bytes, and returns the number of bytes.
  func writeRFC3339(to target: UnsafeMutablePointer<UInt8>) -> Int {
    let (date, secondOfDay) = shown
    Self.write(date.year / 100, to: target)
    Self.write(date.year % 100, to: target + 2)
    target[4] = UInt8(ascii: "-")
    Self.write(date.month, to: target + 5)
    target[7] = UInt8(ascii: "-")
    Self.write(date.day, to: target + 8)
    target[10] = UInt8(ascii: "T")
    Self.write(secondOfDay / 3600, to: target + 11)
    target[13] = UInt8(ascii: ":")
    Self.write(secondOfDay / 60 % 60, to: target + 14)
    target[16] = UInt8(ascii: ":")
    Self.write(secondOfDay % 60, to: target + 17)
    var count = 19

    var fraction = nanoseconds % 1_000_000_000
    if fraction > 0 {
      target[19] = UInt8(ascii: ".")
      var digitCount = 9
      while fraction % 10 == 0 {
        fraction /= 10
        digitCount -= 1
      }
      for digit in (0..<digitCount).reversed() {
        target[20 + digit] = UInt8(truncatingIfNeeded: fraction % 10) + UInt8(ascii: "0")
        fraction /= 10
      }
      count = 20 + digitCount
    }

    if offsetMinutes == 0 {
      target[count] = UInt8(ascii: "Z")
      return count + 1
    }
    let offset = min(Int64(offsetMinutes.magnitude), 1439)
    target[count] = offsetMinutes < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+")
    Self.write(offset / 60, to: target + count + 1)
    target[count + 3] = UInt8(ascii: ":")
    Self.write(offset % 60, to: target + count + 4)
    return count + 6
  }

  @inline(__always)
  private static func twoDigits(_ text: UnsafeRawBufferPointer, _ index: Int) -> Int64? {
    let tens = text[index] &- UInt8(ascii: "0")
    let ones = text[index + 1] &- UInt8(ascii: "0")
    return tens < 10 && ones < 10 ? Int64(tens) * 10 + Int64(ones) : nil
  }

  @inline(__always)
  private static func write(_ value: Int64, to target: UnsafeMutablePointer<UInt8>) {
    target[0] = UInt8(truncatingIfNeeded: value / 10) &+ UInt8(ascii: "0")
    target[1] = UInt8(truncatingIfNeeded: value % 10) &+ UInt8(ascii: "0")
  }

  private static func dayCount(year: Int64, month: Int64) -> Int64 {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  // The civil calendar counted in eras of 400 years (146,097 days) whose years begin on 1 March, so that the leap day
  // is the last of its year. 719,468 is the number of days from 0000-03-01 to 1970-01-01.

  /// Days from 1970-01-01 to a date of the proleptic Gregorian calendar.
  static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
    let marchYear = month <= 2 ? year - 1 : year
    let era = (marchYear >= 0 ? marchYear : marchYear - 399) / 400
    let yearOfEra = marchYear - era * 400
    let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }

  /// The date `days` after 1970-01-01.
  static func date(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let marchMonth = (5 * dayOfYear + 2) / 153
    let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
  }
}
