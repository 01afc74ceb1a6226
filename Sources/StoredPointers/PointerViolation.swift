/// Why a stored repository is not shown to git: one of its files leads out of the mount.
public struct PointerViolation: Error, Hashable, Sendable, CustomStringConvertible {
  /// What was found and what to do: one line for a person.
  public let message: String

  init(_ message: String) {
    self.message = message
  }

  /// The ``message``.
  public var description: String { message }
}
