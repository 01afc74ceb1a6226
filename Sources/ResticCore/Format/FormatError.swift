/// A file or blob of the repository whose plaintext isn't what restic's format allows.
///
/// Whatever the bytes, a decoder of this folder returns a value or throws this; it never traps. The message names the
/// kind of object, what was expected and, where it helps, the byte offset.
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
