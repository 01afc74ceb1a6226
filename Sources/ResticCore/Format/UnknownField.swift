/// A JSON member that this version of the project doesn't know, kept so that it survives being written again.
public struct UnknownField: Hashable, Sendable {
  /// The member's name, unescaped.
  public var key: String
  /// The member's value: one JSON value exactly as it was read. Whoever makes one writes valid JSON here.
  public var rawValue: [UInt8]

  /// A member; `rawValue` must be valid JSON, which is not checked.
  public init(key: String, rawValue: [UInt8]) {
    self.key = key
    self.rawValue = rawValue
  }

  /// Keys are equal when their bytes are.
  public static func == (left: UnknownField, right: UnknownField) -> Bool {
    left.key.hasBytes(of: right.key) && left.rawValue == right.rawValue
  }
}
