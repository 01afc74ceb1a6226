import Platform

/// The words of `--password-command`.
enum CommandLineSplitter {
  /// The words of `command`: at least one.
  static func words(of command: String) throws(CommandError) -> [String] {
    do throws(CommandWords.Failure) {
      return try CommandWords.split(command)
    } catch {
      switch error {
      case .openQuote: throw CommandError("the password command has an unclosed quote: \(command)")
      case .empty: throw CommandError("the password command is empty")
      }
    }
  }
}
