import ResticCore

/// Published test vectors as they are printed.
enum Vector {
  /// The bytes that hex digits spell; white space is left out.
  static func hex(_ text: String) -> [UInt8] {
    guard let bytes = Hex.bytes(text.filter { !$0.isWhitespace }) else { preconditionFailure("no bytes: \(text)") }
    return bytes
  }
}
