/// Hex digits, lower case.
public enum Hex {
  /// `number` with leading zeros, in as many digits as its type has.
  public static func text(_ number: some FixedWidthInteger & UnsignedInteger) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: type(of: number).bitWidth / 4 - digits.utf8.count) + digits
  }

  /// Two digits for each of `bytes`.
  public static func text(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { text($0) }.joined()
  }

  /// The bytes that `text` spells, in either case; nil if it is not hex.
  public static func bytes(_ text: String) -> [UInt8]? {
    let digits = text.map(\.hexDigitValue)
    guard digits.count.isMultiple(of: 2), !digits.contains(nil) else { return nil }
    let values = digits.compactMap(\.self)
    return stride(from: 0, to: values.count, by: 2).map { UInt8(values[$0] << 4 | values[$0 + 1]) }
  }
}
