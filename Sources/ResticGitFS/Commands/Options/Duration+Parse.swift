import ArgumentParser
import Platform

extension Duration {
  /// `init(text:)` for options.
  @Sendable static func parse(_ text: String) throws -> Duration {
    guard let duration = Duration(text: text) else {
      throw ValidationError("'\(text)' is not a duration: write 30s, 5m or 1h30m")
    }
    return duration
  }
}
