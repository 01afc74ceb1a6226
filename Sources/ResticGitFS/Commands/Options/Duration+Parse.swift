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

  /// The duration as `parse` reads it, in the largest unit that divides it: `30s`, `5m`; of whole seconds.
  var optionText: String {
    let seconds = components.seconds
    for (unit, length): (String, Int64) in [("h", 3600), ("m", 60)] where seconds > 0 && seconds % length == 0 {
      return "\(seconds / length)\(unit)"
    }
    return "\(seconds)s"
  }
}
