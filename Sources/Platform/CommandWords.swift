/// The words of a command that is run without a shell, as restic splits `--password-command` and the options of storages.
///
/// Words are separated by white space, by backslashes outside quotes, and by quotes themselves: `a"b c"d` is three
/// words. A quote after a backslash is an ordinary character, and the backslash stays if it is inside quotes.
/// Source: restic, internal/backend/shell_split.go; the results are the same.
public enum CommandWords {
  /// Why a text is not a command.
  public enum Failure: Error, Hashable, Sendable {
    /// A quote is not closed.
    case openQuote
    /// The text has no words.
    case empty
  }

  /// The words of `command`: at least one.
  public static func split(_ command: String) throws(Failure) -> [String] {
    var words: [String] = []
    var word = ""
    var quote: Unicode.Scalar?
    var previous: Unicode.Scalar?

    for character in command.unicodeScalars {
      let separates: Bool
      if previous != "\\", quote == character {
        quote = nil
        separates = true
      } else if previous != "\\", quote == nil, character == "\"" || character == "'" {
        quote = character
        separates = true
      } else {
        previous = character
        separates = quote == nil && (character == "\\" || character.properties.isWhitespace)
      }
      if !separates {
        word.unicodeScalars.append(character)
      } else if !word.isEmpty {
        words.append(word)
        word = ""
      }
    }
    if !word.isEmpty { words.append(word) }

    guard quote == nil else { throw .openQuote }
    guard !words.isEmpty else { throw .empty }
    return words
  }
}
