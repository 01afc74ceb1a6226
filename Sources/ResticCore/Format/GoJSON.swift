/// JSON byte for byte as Go's `encoding/json` writes it: the only code of the project that may produce JSON that is
/// hashed.
///
/// `Writer` appends members in the caller's order; `Reader` is a pull parser over a buffer that builds no tree of
/// values. These properties of Go's JSON make a general encoder useless here:
/// - `<`, `>`, `&`, U+2028 and U+2029 are escaped as `\u003c` …; `/` and DEL are not;
/// - bytes that aren't UTF-8 become U+FFFD, one for each byte, written as the escape `\ufffd`;
/// - `[]byte` is standard base64 with padding; integers are exact over all 64 bits;
/// - times are RFC 3339 with up to nine fraction digits.
///
/// Source: the behaviour of `encoding/json`, `unicode/utf8` and `strconv` (Go 1.22 and later: `\b` and `\f` have short
/// escapes; `Node` keeps the text of older Go versions). Checked against restic in `GoJSONTests`.
public enum GoJSON {
  /// The deepest nesting of arrays and objects that `Reader` accepts. restic's own files reach 6.
  static let maximumDepth = 64

  /// Decodes the UTF-8 sequence at `index`, as Go's `utf8.DecodeRune` does.
  ///
  /// Returns the scalar and its width, or nil if no valid sequence starts there; Go then skips exactly one byte.
  /// Overlong forms, surrogates and anything above U+10FFFF are invalid.
  @inline(__always)
  static func decodeRune(_ bytes: UnsafeRawBufferPointer, at index: Int) -> (scalar: UInt32, width: Int)? {
    let first = bytes[index]
    if first < 0x80 { return (UInt32(first), 1) }
    let width = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2
    guard first >= 0xc2, first <= 0xf4, bytes.count - index >= width else { return nil }
    let second = bytes[index + 1]
    let lowest: UInt8 = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80
    let highest: UInt8 = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf
    guard second >= lowest, second <= highest else { return nil }
    if width == 2 { return (UInt32(first & 0x1f) << 6 | UInt32(second & 0x3f), 2) }
    let third = bytes[index + 2]
    guard third & 0xc0 == 0x80 else { return nil }
    let upper = UInt32(second & 0x3f) << 6 | UInt32(third & 0x3f)
    if width == 3 { return (UInt32(first & 0x0f) << 12 | upper, 3) }
    let fourth = bytes[index + 3]
    guard fourth & 0xc0 == 0x80 else { return nil }
    return (UInt32(first & 0x07) << 18 | upper << 6 | UInt32(fourth & 0x3f), 4)
  }

  /// Whether `bytes` is UTF-8 by Go's rules.
  static func isValidUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var index = 0
    while index < bytes.count {
      guard let rune = decodeRune(bytes, at: index) else { return false }
      index += rune.width
    }
    return true
  }

  /// Appends `scalar`, which is a Unicode scalar value, to `bytes` as UTF-8.
  static func appendUTF8(_ scalar: UInt32, to bytes: inout [UInt8]) {
    func tail(_ shift: UInt32) -> UInt8 { UInt8(truncatingIfNeeded: scalar >> shift & 0x3f) | 0x80 }
    switch scalar {
    case 0..<0x80:
      bytes.append(UInt8(truncatingIfNeeded: scalar))
    case 0x80..<0x800:
      bytes.append(UInt8(truncatingIfNeeded: scalar >> 6) | 0xc0)
      bytes.append(tail(0))
    case 0x800..<0x10000:
      bytes.append(UInt8(truncatingIfNeeded: scalar >> 12) | 0xe0)
      bytes.append(tail(6))
      bytes.append(tail(0))
    default:
      bytes.append(UInt8(truncatingIfNeeded: scalar >> 18) | 0xf0)
      bytes.append(tail(12))
      bytes.append(tail(6))
      bytes.append(tail(0))
    }
  }
}
