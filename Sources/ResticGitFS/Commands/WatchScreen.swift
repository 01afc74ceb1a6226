import ResticCore

/// The output of `status --watch` for each repetition.
struct WatchScreen: Sendable {
  private static let home = "\u{1B}[H"
  private static let clearLine = "\u{1B}[K"
  private static let clearBelow = "\u{1B}[J"

  /// Whether the previous text is overwritten.
  let isTerminal: Bool
  /// Whether the text is one line of JSON.
  let isJSON: Bool

  /// The bytes for `text`, which was true at `time`. On a terminal it begins at the top, each line replaces the one that was
  /// there, and nothing of the text before stays: without a blank moment in between, nothing flickers. Elsewhere it is
  /// appended.
  func frame(_ text: String, at time: Timestamp) -> String {
    guard isTerminal else { return isJSON ? "\(text)\n" : "\(time.localText)\n\(text)\n\n" }
    let lines = [time.localText, ""] + text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    return Self.home + lines.map { $0 + Self.clearLine + "\n" }.joined() + Self.clearBelow
  }
}
