/// Percent-encoded bytes in URLs: `%41`.
enum PercentCoding {
  /// Bytes that may appear in a path unencoded.
  /// Source: RFC 3986, and Go's net/url, which also allows brackets.
  private static let pathBytes = Set("!$&'()*+,;=:@[]-._~/%".utf8)

  /// The decoded `text`; nil if a % is not followed by two hex digits, or the result is not UTF-8.
  static func decoded(_ text: some StringProtocol) -> String? {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit) else { return nil }
      bytes.append(high << 4 | low)
    }
    guard !bytes.contains(0) else { return nil }
    return String(validating: bytes, as: UTF8.self)
  }

  /// `path`, whose percent signs are followed by two digits, with everything encoded that is not allowed in a path.
  static func path(_ path: some StringProtocol) -> String { encoded(path, but: pathBytes) }

  /// `text` with everything encoded except letters, digits and `-_.~`, and except slashes if `keepsSlashes`, as
  /// signatures of requests require.
  /// Source: AWS, "Create a signed AWS API request", UriEncode.
  static func strict(_ text: some StringProtocol, keepsSlashes: Bool = false) -> String {
    encoded(text, but: keepsSlashes ? unreservedBytes.union([UInt8(ascii: "/")]) : unreservedBytes)
  }

  private static let unreservedBytes = Set("-_.~".utf8)

  private static func encoded(_ text: some StringProtocol, but kept: Set<UInt8>) -> String {
    text.utf8.reduce(into: "") { result, byte in
      let isLetter = UInt8(ascii: "a") <= byte | 0x20 && byte | 0x20 <= UInt8(ascii: "z")
      let isDigit = UInt8(ascii: "0") <= byte && byte <= UInt8(ascii: "9")
      if isLetter || isDigit || kept.contains(byte) {
        result.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        let digits = String(byte, radix: 16, uppercase: true)
        result += "%" + (digits.utf8.count == 1 ? "0" : "") + digits
      }
    }
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    Character(Unicode.Scalar(byte)).hexDigitValue.map { UInt8($0) }
  }
}
