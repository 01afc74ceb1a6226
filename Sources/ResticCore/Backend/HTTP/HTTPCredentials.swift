/// A user and a password for a server. Printed as `user:***` in every way of printing.
public struct HTTPCredentials: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
  /// The user's name.
  public let user: String
  /// The password; nil if there is none.
  let password: String?

  /// A user and a password.
  public init(user: String, password: String?) {
    self.user = user
    self.password = password
  }

  /// `user`, or `user:***` if there is a password.
  public var description: String { password == nil ? user : "\(user):***" }

  /// For `dump` and other reflection.
  public var customMirror: Mirror { Mirror(self, children: ["user": user]) }
}
