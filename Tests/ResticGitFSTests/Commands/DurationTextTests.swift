import Platform
import Testing

@testable import ResticGitFS

@Suite("Durations on the command line")
struct DurationTextTests {
  @Test(
    "are written as Go and restic write them",
    arguments: [
      ("30s", Duration.seconds(30)), ("5m", .seconds(300)), ("1h30m", .seconds(5400)), ("2d", .seconds(172_800)),
      ("0", .zero), ("0s", .zero), ("1.5h", .seconds(5400)), ("250ms", .milliseconds(250)), ("1us", .microseconds(1)),
      ("1µs", .microseconds(1)), ("7ns", .nanoseconds(7)), (".5s", .milliseconds(500)), ("1.s", .seconds(1)),
      ("1h0m5s", .seconds(3605)),
    ])
  func valid(text: String, duration: Duration) {
    #expect(Duration(text: text) == duration)
  }

  @Test(
    "are refused if the unit is missing or unknown, or the duration negative or too long",
    arguments: [
      "", "5", "s", ".s", "5 m", "-5m", "+5m", "5y", "5m3", "1h,5m", "5M", "99999999999999999999s", "9999999999h",
      "5mm",
      "٣s", "1e3s",
    ])
  func invalid(text: String) {
    #expect(Duration(text: text) == nil)
  }

  @Test("never cause a trap, however the text is truncated or changed")
  func malformed() {
    let text = Array("12h34m5.678s900ms".utf8)
    for length in text.indices {
      _ = Duration(text: String(decoding: text[..<length], as: UTF8.self))
    }
    for index in text.indices {
      for bit in 0..<8 {
        var changed = text
        changed[index] ^= 1 << bit
        _ = Duration(text: String(decoding: changed, as: UTF8.self))
      }
    }
  }
}
