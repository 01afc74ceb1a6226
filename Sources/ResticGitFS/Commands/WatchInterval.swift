import ArgumentParser

/// How often `status --watch` looks: seconds, with a fraction or without.
struct WatchInterval: Hashable, Sendable {
  /// What `--watch` alone means.
  static let standard = WatchInterval(seconds: 2)
  /// More often would cost the mount something, and nobody could read it.
  private static let shortest = 0.1
  private static let longest = 86400.0

  private let seconds: Double

  private init(seconds: Double) {
    self.seconds = seconds
  }

  /// The interval that `text` spells: digits, and a point among them at most. Nil for anything else, a path above all.
  init?(text: String) {
    guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") }),
      let seconds = Double(text), (Self.shortest...Self.longest).contains(seconds)
    else { return nil }
    self.seconds = seconds
  }

  /// `init(text:)` for options.
  @Sendable static func parse(_ text: String) throws -> WatchInterval {
    guard let interval = WatchInterval(text: text) else {
      throw ValidationError("'\(text)' is not a number of seconds from 0.1 to 86400; write --watch 10")
    }
    return interval
  }

  /// As `init(text:)` takes it.
  var text: String { "\(seconds)" }

  /// The time between two looks.
  var duration: Duration { .seconds(seconds) }
}
