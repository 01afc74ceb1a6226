import Logging
import MessageText
import ResticCore

/// One event of the log, independent of its destination.
struct LogEntry: Sendable {
  /// The members of the JSON form.
  private struct Members: Encodable {
    let time: String
    let level: String
    let message: String
    let fields: [String: String]?
  }

  /// When it happened.
  var time = Timestamp.now()
  /// Its severity.
  let level: Logger.Level
  /// What happened.
  let message: String
  /// Its fields by name.
  var fields: [String: String] = [:]

  /// The line for a person: printable text, followed by the fields, without time and level.
  var text: String {
    let pairs = fields.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
    return "\(message)\(pairs)".split(separator: "\n").joined(separator: " ").printable
  }

  /// The line for a program: an object with the members in alphabetical order. JSON escapes characters that could
  /// control a terminal, except the control characters from U+007F to U+009F, which are replaced as in the text.
  var json: String {
    JSONText.line(
      Members(
        time: time.rfc3339, level: level.rawValue, message: message.printable,
        fields: fields.isEmpty ? nil : fields.mapValues { $0.printable }))
  }

  /// The line in `format` with time and level, for a destination that does not add them.
  func complete(_ format: LogFormat) -> String {
    format == .json ? json : "\(time.rfc3339) \(level) \(text)"
  }

  /// The line in `format` without them.
  func short(_ format: LogFormat) -> String {
    format == .json ? json : text
  }
}
