import ArgumentParser

/// Messages for a command line that cannot be understood.
enum UsageMessage {
  /// `message` on one line, followed by the help command for the command in `arguments`.
  static func line(for message: String, arguments: [String]) -> String {
    let lines = message.split(separator: "\n").map { $0.drop { $0 == " " } }
    let text = lines.filter { !$0.isEmpty }.joined(separator: " ")
    let command = arguments.first.flatMap { ResticGitFS.commandNames.contains($0) ? " \($0)" : nil } ?? ""
    let separator = text.hasSuffix(".") ? " See" : "; see"
    return "\(text)\(separator) `restic-gitfs\(command) --help`"
  }
}
