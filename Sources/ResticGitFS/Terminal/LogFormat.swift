import ArgumentParser

/// The format of log lines.
enum LogFormat: String, CaseIterable, ExpressibleByArgument, Sendable {
  /// The message, then fields as `key=value`.
  case text
  /// One JSON object a line, with `time`, `level`, `message` and `fields`.
  case json

  /// The format that `arguments` name, for what is told before the parser has read them; nil if they name none.
  static func named(in arguments: [String]) -> LogFormat? {
    let option = "--log-format"
    let words = arguments.prefix { $0 != "--" }
    if let word = words.last(where: { $0.hasPrefix("\(option)=") }) {
      return LogFormat(rawValue: String(word.dropFirst(option.count + 1)))
    }
    guard let index = words.lastIndex(of: option), index + 1 < words.endIndex else { return nil }
    return LogFormat(rawValue: words[index + 1])
  }
}
