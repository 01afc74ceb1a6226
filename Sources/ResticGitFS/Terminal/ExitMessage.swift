import MessageText

/// The last message of a command that fails under `--json`: restic's `exit_error`, one object on standard error.
struct ExitMessage: Hashable, Sendable, Encodable {
  private enum CodingKeys: String, CodingKey {
    case messageType = "message_type"
    case code
    case message
  }

  private let messageType = "exit_error"
  /// The code that the process ends with.
  let code: Int32
  /// What went wrong and what to do next.
  let message: String

  /// The message for a process that ends with `code`.
  init(_ message: String, code: Int32) {
    (self.code, self.message) = (code, message)
  }

  /// The object on one line. JSON escapes what could steer a terminal, as `LogEntry.json` says.
  var json: String { JSONText.line(ExitMessage(message.printable, code: code)) }

  /// Whether `arguments` ask for JSON. The parser may not have come so far when there is something to tell.
  static func isWanted(by arguments: [String]) -> Bool {
    arguments.prefix { $0 != "--" }.contains("--json")
  }
}
