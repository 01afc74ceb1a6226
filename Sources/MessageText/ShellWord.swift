/// Text, such as a path, as one word of a command that a person types into a shell.
public struct ShellWord: CustomStringConvertible {
  private static let plainPunctuation = Set("/._-+,:=@%~".unicodeScalars)
  private let text: String

  /// The shell word whose value is `text`.
  public init(_ text: some CustomStringConvertible) {
    self.text = text.description
  }

  /// `text`, in single quotes if the shell would interpret it otherwise.
  public var description: String {
    let isPlain = text.unicodeScalars.allSatisfy { scalar in
      Self.plainPunctuation.contains(scalar) || (scalar.isASCII && scalar.properties.isAlphabetic)
        || ("0"..."9").contains(scalar)
    }
    guard text.isEmpty || !isPlain else { return text }
    // A quote ends the quoted part, stands by itself behind a backslash, and begins the next part.
    return "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
  }
}
