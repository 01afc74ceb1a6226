/// A value in a TOML file, of the types that this program needs.
public enum TOMLValue: Hashable, Sendable {
  /// `"text"` or `'text'`.
  case string(String)
  /// `16`.
  case integer(Int)
  /// `true` or `false`.
  case boolean(Bool)
  /// `["a", "b"]`.
  case strings([String])
}

/// One assignment of a TOML file.
public struct TOMLEntry: Hashable, Sendable {
  /// The names of the tables around the key, outermost first, and the key itself.
  public let path: [String]
  /// What the key is set to.
  public let value: TOMLValue
  /// The line of the key; the first line is 1.
  public let line: Int
}

/// Why a text is not a TOML file of the subset that `TOMLDocument` describes.
public struct TOMLError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The line at which the parser gave up; the first line is 1.
  public let line: Int
  /// What is wrong there.
  public let message: String

  /// `line N: message`; the caller puts the file's name before it.
  public var description: String { "line \(line): \(message)" }
}
