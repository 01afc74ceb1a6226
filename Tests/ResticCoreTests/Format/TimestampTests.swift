import Testing

@testable import ResticCore

@Suite struct TimestampTests {
  @Test(
    "times are written and read as Go's RFC3339Nano",
    arguments: [
      ("1970-01-01T00:00:00Z", 0, 0, 0),
      ("0001-01-01T00:00:00Z", -62_135_596_800, 0, 0),
      ("0000-01-01T00:00:00Z", -62_167_219_200, 0, 0),
      ("9999-12-31T23:59:59.999999999Z", 253_402_300_799, 999_999_999, 0),
      ("2000-02-29T12:34:56.1Z", 951_827_696, 100_000_000, 0),
      ("2020-09-13T12:26:40.000000001Z", 1_600_000_000, 1, 0),
      ("2020-09-13T14:26:40.12+02:00", 1_600_000_000, 120_000_000, 120),
      ("2020-09-13T08:56:40-03:30", 1_600_000_000, 0, -210),
      ("1970-01-01T23:59:00+23:59", 0, 0, 1439),
      ("1969-12-31T23:59:59.999999999Z", -1, 999_999_999, 0),
      ("1906-08-16T20:26:40.000000005Z", -2_000_000_000, 5, 0),
      ("1900-03-01T00:00:00Z", -2_203_891_200, 0, 0),
    ] as [(String, Int64, UInt32, Int16)])
  func vectors(text: String, seconds: Int64, nanoseconds: UInt32, offsetMinutes: Int16) {
    let timestamp = Timestamp(seconds: seconds, nanoseconds: nanoseconds, offsetMinutes: offsetMinutes)
    #expect(timestamp.rfc3339 == text)
    #expect(Timestamp(rfc3339: text.utf8) == timestamp)
  }

  @Test(
    "other spellings that Go reads are read",
    arguments: [
      ("2020-09-13T12:26:40.500Z", "2020-09-13T12:26:40.5Z"),
      ("2020-09-13T12:26:40.0Z", "2020-09-13T12:26:40Z"),
      ("2020-09-13T12:26:40.1234567899Z", "2020-09-13T12:26:40.123456789Z"),
      ("2020-09-13T12:26:40+00:00", "2020-09-13T12:26:40Z"),
    ])
  func lenient(text: String, canonical: String) {
    #expect(Timestamp(rfc3339: text.utf8)?.rfc3339 == canonical)
  }

  @Test(
    "anything but a time is refused",
    arguments: [
      "", "Z", "2020-09-13", "2020-09-13T12:26:40", "2020-09-13 12:26:40Z", "2020-09-13t12:26:40Z",
      "2020-09-13T12:26:40z",
      "2020-13-01T00:00:00Z", "2020-00-01T00:00:00Z", "2020-01-00T00:00:00Z", "2020-04-31T00:00:00Z",
      "2021-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2020-01-01T24:00:00Z", "2020-01-01T00:60:00Z",
      "2020-01-01T00:00:60Z", "2020-01-01T00:00:00.Z", "2020-01-01T00:00:00.5", "2020-01-01T00:00:00,5Z",
      "2020-01-01T00:00:00+24:00", "2020-01-01T00:00:00+00:60", "2020-01-01T00:00:00+0000", "2020-01-01T00:00:00Zx",
      "2020-01-01T00:00:00+01:00x", "+020-01-01T00:00:00Z", "12020-01-01T00:00:00Z", "2020-1-01T00:00:00Z",
    ])
  func refused(text: String) {
    #expect(Timestamp(rfc3339: text.utf8) == nil)
  }

  @Test("every day of ten thousand years survives")
  func calendar() {
    var month = 0
    for day in stride(from: Int64(-719_528), through: 2_932_896, by: 1) {
      let timestamp = Timestamp(seconds: day * 86400 + 86399, nanoseconds: 0)
      let text = timestamp.rfc3339
      guard Timestamp(rfc3339: text.utf8) == timestamp else {
        Issue.record("day \(day) became \(text)")
        return
      }
      if text.utf8.dropFirst(8).starts(with: "01T".utf8) { month += 1 }
    }
    #expect(month == 120_000)
  }

  @Test("a year beyond the format is written as the nearest possible year, as in restic")
  func farYears() {
    #expect(Timestamp(seconds: 253_402_300_800, nanoseconds: 0).rfc3339 == "9999-01-01T00:00:00Z")
    #expect(Timestamp(seconds: -62_167_219_201, nanoseconds: 7).rfc3339 == "0000-12-31T23:59:59.000000007Z")
    // 29 February 12000, in a year that has none.
    #expect(Timestamp(seconds: 316_521_302_400 + 12 * 3600, nanoseconds: 0).rfc3339 == "9999-03-01T12:00:00Z")
    for seconds in [Int64.min, .min + 1, .max, .max - 1] {
      for offset in [Int16(-1439), 0, 1439] {
        let text = Timestamp(seconds: seconds, nanoseconds: 999_999_999, offsetMinutes: offset).rfc3339
        #expect(Timestamp(rfc3339: text.utf8) != nil, "\(text)")
      }
    }
  }

  @Test("the offset decides the year of a time")
  func offsetAtTheEnds() {
    #expect(
      Timestamp(seconds: -62_167_219_200, nanoseconds: 0, offsetMinutes: -60).rfc3339 == "0000-12-31T23:00:00-01:00")
    #expect(
      Timestamp(seconds: 253_402_300_799, nanoseconds: 0, offsetMinutes: 60).rfc3339 == "9999-01-01T00:59:59+01:00")
  }

  @Test("times are ordered by instant, and equal if all fields are equal")
  func order() {
    let here = Timestamp(seconds: 5, nanoseconds: 6, offsetMinutes: 60)
    let there = Timestamp(seconds: 5, nanoseconds: 6)
    #expect(here != there)
    #expect(!(here < there) && !(there < here))
    #expect(there < Timestamp(seconds: 5, nanoseconds: 7))
    #expect(Timestamp(seconds: -1, nanoseconds: 999_999_999) < Timestamp(seconds: 0, nanoseconds: 0))
    #expect(Timestamp.zero < Timestamp.now())
  }

  @Test("addition carries into seconds in both directions, and stops at the ends")
  func adding() {
    let start = Timestamp(seconds: 10, nanoseconds: 999_999_999, offsetMinutes: 60)
    #expect(start.adding(nanoseconds: 1) == Timestamp(seconds: 11, nanoseconds: 0, offsetMinutes: 60))
    #expect(
      start.adding(nanoseconds: -1_000_000_000) == Timestamp(seconds: 9, nanoseconds: 999_999_999, offsetMinutes: 60))
    #expect(
      Timestamp(seconds: 0, nanoseconds: 0).adding(nanoseconds: -1) == Timestamp(seconds: -1, nanoseconds: 999_999_999))
    #expect(start.adding(nanoseconds: 0) == start)
    #expect(Timestamp(seconds: 0, nanoseconds: 0).adding(nanoseconds: .min).adding(nanoseconds: .max).seconds == -1)
    #expect(Timestamp(seconds: .max, nanoseconds: 999_999_999).adding(nanoseconds: 1).seconds == .max)
    #expect(Timestamp(seconds: .min, nanoseconds: 0).adding(nanoseconds: -1).seconds == .min)
  }

  @Test(
    "a time is storable if and only if its text gives the same time", arguments: [-1439, -60, 0, 330, 1439])
  func storable(offset: Int) {
    let offset = Int16(offset)
    let (first, last) = (Int64(-62_167_219_200) - Int64(offset) * 60, Int64(253_402_300_799) - Int64(offset) * 60)
    for (seconds, isStorable) in [(first - 1, false), (first, true), (0, true), (last, true), (last + 1, false)] {
      for nanoseconds: UInt32 in [0, 1, 999_999_999] {
        let time = Timestamp(seconds: seconds, nanoseconds: nanoseconds, offsetMinutes: offset)
        #expect(time.isStorable == isStorable, "\(time)")
        #expect((Timestamp(rfc3339: time.rfc3339.utf8) == time) == isStorable)
      }
    }
    for seconds in [Int64.max, .min] { #expect(!Timestamp(seconds: seconds, nanoseconds: 0).isStorable) }
  }
}
