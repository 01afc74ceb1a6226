/// A user and a password for a server. Prints as `user:***`, however it is printed.
public struct HTTPCredentials: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
  /// The user's name.
  public let user: String
  /// The password; nil where none is given.
  let password: String?

  /// A user and a password.
  public init(user: String, password: String?) {
    self.user = user
    self.password = password
  }

  /// `user`, or `user:***` if there is a password.
  public var description: String { password == nil ? user : "\(user):***" }

  /// For `dump`, and whatever else looks inside.
  public var customMirror: Mirror { Mirror(self, children: ["user": user]) }
}
