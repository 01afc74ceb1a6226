/// Published test vectors as they are printed.
enum Vector {
  /// The bytes that hex digits spell; white space is left out.
  static func hex(_ text: String) -> [UInt8] {
    let digits = text.compactMap(\.hexDigitValue).map { UInt8($0) }
    precondition(digits.count % 2 == 0, "half a byte in a test vector")
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }
}
