/// One extended attribute of a node.
public struct ExtendedAttribute: Hashable, Sendable {
  /// The full name, such as `user.comment`.
  public var name: Name
  public var value: [UInt8]

  public init(name: Name, value: [UInt8]) {
    self.name = name
    self.value = value
  }
}
