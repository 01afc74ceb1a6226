/// Why git is not shown a stored repository: one of its files leads out of the mount.
public struct PointerViolation: Error, Hashable, Sendable, CustomStringConvertible {
  /// What was found and what to do, in one line for the user.
  public let message: String

  init(_ message: String) {
    self.message = message
  }

  /// The ``message``.
  public var description: String { message }
}
