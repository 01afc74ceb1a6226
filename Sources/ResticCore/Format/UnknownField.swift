/// A JSON member that this version of the project does not know, kept so that it is not lost when the object is written
/// again.
public struct UnknownField: Hashable, Sendable {
  /// The member's name, unescaped.
  public var key: String
  /// The member's value: one JSON value exactly as it was read. The code that sets this value must set valid JSON.
  public var rawValue: [UInt8]

  /// A member; `rawValue` must be valid JSON, which is not checked.
  public init(key: String, rawValue: [UInt8]) {
    self.key = key
    self.rawValue = rawValue
  }

  /// Two keys are equal if their bytes are equal.
  public static func == (left: UnknownField, right: UnknownField) -> Bool {
    left.key.hasBytes(of: right.key) && left.rawValue == right.rawValue
  }
}
