/// Why the program refuses a configuration file.
public struct ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
  /// One sentence that names the file, the line if there is one, and what to do.
  public let description: String

  /// `description` is that sentence.
  public init(_ description: String) {
    self.description = description
  }

  init(file: String, line: Int, _ message: String) {
    description = "\(file), line \(line): \(message)"
  }
}
