/// Splits a command as restic splits `--password-command`, without a shell.
///
/// Words are separated by white space, by backslashes outside quotes, and by quotes themselves: `a"b c"d` is three words.
/// A quote after a backslash is an ordinary character, and the backslash stays where it is inside quotes.
/// Source: restic, internal/backend/shell_split.go, whose results these are.
enum CommandLineSplitter {
  /// The words of `command`: at least one.
  static func words(of command: String) throws(CommandError) -> [String] {
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

    guard quote == nil else { throw CommandError("the password command has a quote that does not end: \(command)") }
    guard !words.isEmpty else { throw CommandError("the password command is empty") }
    return words
  }
}
