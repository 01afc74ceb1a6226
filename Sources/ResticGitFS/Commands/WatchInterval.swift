import ArgumentParser

/// How often `status --watch` repeats: seconds, possibly with a fraction.
struct WatchInterval: Hashable, Sendable {
  /// The meaning of `--watch` alone.
  static let standard = WatchInterval(seconds: 2)
  /// A shorter interval would cost the mount something, and nobody could read the output.
  private static let shortest = 0.1
  private static let longest = 86400.0

  private let seconds: Double

  private init(seconds: Double) {
    self.seconds = seconds
  }

  /// The interval in `text`: digits, and at most one point. Nil for anything else, such as a path.
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

  /// As `init(text:)` accepts it.
  var text: String { "\(seconds)" }

  /// The same without a fraction of 0, for a person.
  var shortText: String { seconds == seconds.rounded() ? "\(Int(seconds))" : text }

  /// The time between two repetitions.
  var duration: Duration { .seconds(seconds) }
}
