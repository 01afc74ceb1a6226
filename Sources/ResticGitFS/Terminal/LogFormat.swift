import ArgumentParser

/// The format of log lines.
enum LogFormat: String, CaseIterable, ExpressibleByArgument, Sendable {
  /// The message, then fields as `key=value`.
  case text
  /// One JSON object a line, with `time`, `level`, `message` and `fields`.
  case json
}
