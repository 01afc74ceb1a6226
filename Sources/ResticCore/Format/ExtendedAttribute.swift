/// One extended attribute of a node.
public struct ExtendedAttribute: Hashable, Sendable {
  /// The full name, such as `user.comment`.
  public var name: Name
  /// The value: any bytes, possibly none. Stored in Base64.
  public var value: [UInt8]

  /// An attribute of this full name, prefix included.
  public init(name: Name, value: [UInt8]) {
    self.name = name
    self.value = value
  }
}
