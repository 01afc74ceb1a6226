/// A file or blob of the repository whose plaintext violates restic's format.
///
/// A decoder of this folder returns a value or throws this error for any bytes; it never traps. The message names the
/// kind of object, what was expected and, where useful, the byte offset.
public struct FormatError: Error, Hashable, Sendable, CustomStringConvertible {
  /// One line for the log, without the object's id: the caller knows which file it read.
  public let message: String

  /// An error with one line of text that begins with the kind of object, such as `lock: has no time`.
  public init(_ message: String) {
    self.message = message
  }

  /// `message`, unchanged.
  public var description: String { message }
}
