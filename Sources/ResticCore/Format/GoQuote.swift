/// File names as restic stores them in JSON: Go's `strconv.Quote` without the quotes, which turns any bytes into text.
///
/// Source: the behaviour of Go's `strconv.Quote`, `Unquote` and `IsPrint`; checked against restic in
/// `NameEncodingTests`.
enum GoQuote {
  /// Whether `quote` would return `bytes` unchanged; fast for plain ASCII names.
  @inline(__always)
  static func isVerbatim(_ bytes: UnsafeRawBufferPointer) -> Bool {
    for byte in bytes where byte < 0x20 || byte >= 0x7f || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
      return false
    }
    return true
  }

  /// `bytes` with everything escaped that is not printable in Go: quotes, backslashes, controls, bytes that are not
  /// UTF-8, …
  static func quote(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count * 2)
    var index = 0
    while index < bytes.count {
      guard let rune = GoJSON.decodeRune(bytes, at: index) else {
        appendHex(UInt32(bytes[index]), kind: "x", digitCount: 2, to: &result)
        index += 1
        continue
      }
      append(rune.scalar, to: &result)
      index += rune.width
    }
    return result
  }

  private static func append(_ scalar: UInt32, to result: inout [UInt8]) {
    switch scalar {
    case 0x22, 0x5c: result += [UInt8(ascii: "\\"), UInt8(scalar)]
    case 0x07: result += Array(#"\a"#.utf8)
    case 0x08: result += Array(#"\b"#.utf8)
    case 0x09: result += Array(#"\t"#.utf8)
    case 0x0a: result += Array(#"\n"#.utf8)
    case 0x0b: result += Array(#"\v"#.utf8)
    case 0x0c: result += Array(#"\f"#.utf8)
    case 0x0d: result += Array(#"\r"#.utf8)
    case 0..<0x20, 0x7f: appendHex(scalar, kind: "x", digitCount: 2, to: &result)
    case _ where isPrintable(scalar): GoJSON.appendUTF8(scalar, to: &result)
    case 0..<0x10000: appendHex(scalar, kind: "u", digitCount: 4, to: &result)
    default: appendHex(scalar, kind: "U", digitCount: 8, to: &result)
    }
  }

  private static func appendHex(_ value: UInt32, kind: Unicode.Scalar, digitCount: Int, to result: inout [UInt8]) {
    result += [UInt8(ascii: "\\"), UInt8(ascii: kind)]
    for digit in (0..<digitCount).reversed() {
      result.append(HexWord.digit(UInt8(truncatingIfNeeded: value >> UInt32(digit * 4) & 15)))
    }
  }

  /// Go's `IsPrint`: letters, marks, numbers, punctuation, symbols and the ASCII space.
  ///
  /// For recently assigned code points the answer depends on the Unicode version of the Go that wrote a name; unchanged
  /// nodes keep their spelling (see `Node`).
  static func isPrintable(_ scalar: UInt32) -> Bool {
    if scalar < 0x80 { return scalar >= 0x20 && scalar < 0x7f }
    guard let scalar = Unicode.Scalar(scalar) else { return false }
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
      .nonspacingMark, .spacingMark, .enclosingMark,
      .decimalNumber, .letterNumber, .otherNumber,
      .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
      .finalPunctuation, .otherPunctuation,
      .mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol:
      return true
    default:
      return false
    }
  }

  /// The bytes that `text` stands for, or nil if Go's `strconv.Unquote` would refuse `text`.
  static func unquote(_ text: UnsafeRawBufferPointer) -> [UInt8]? {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var index = 0
    while index < text.count {
      let byte = text[index]
      index += 1
      guard byte == UInt8(ascii: "\\") else {
        // A bare quote would have ended the literal, and a literal cannot contain a line break.
        guard byte != UInt8(ascii: "\""), byte != 0x0a else { return nil }
        result.append(byte)
        continue
      }
      guard index < text.count else { return nil }
      let kind = text[index]
      index += 1
      switch kind {
      case UInt8(ascii: "a"): result.append(0x07)
      case UInt8(ascii: "b"): result.append(0x08)
      case UInt8(ascii: "f"): result.append(0x0c)
      case UInt8(ascii: "n"): result.append(0x0a)
      case UInt8(ascii: "r"): result.append(0x0d)
      case UInt8(ascii: "t"): result.append(0x09)
      case UInt8(ascii: "v"): result.append(0x0b)
      case UInt8(ascii: "\\"), UInt8(ascii: "\""): result.append(kind)
      case UInt8(ascii: "x"):
        guard let value = number(text, &index, digitCount: 2, bits: 4) else { return nil }
        result.append(UInt8(truncatingIfNeeded: value))
      case UInt8(ascii: "0")...UInt8(ascii: "7"):
        index -= 1
        guard let value = number(text, &index, digitCount: 3, bits: 3), value < 256 else { return nil }
        result.append(UInt8(value))
      case UInt8(ascii: "u"), UInt8(ascii: "U"):
        let digitCount = kind == UInt8(ascii: "u") ? 4 : 8
        guard let value = number(text, &index, digitCount: digitCount, bits: 4), Unicode.Scalar(value) != nil else {
          return nil
        }
        GoJSON.appendUTF8(value, to: &result)
      default:
        return nil
      }
    }
    return result
  }

  /// Reads exactly `digitCount` digits of `bits` bits each at `index` (8 digits of 4 bits fit), or returns nil.
  private static func number(
    _ text: UnsafeRawBufferPointer, _ index: inout Int, digitCount: Int, bits: UInt32
  ) -> UInt32? {
    guard text.count - index >= digitCount else { return nil }
    var value: UInt32 = 0
    for _ in 0..<digitCount {
      let digit: UInt8
      switch text[index] {
      case let byte where byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
      case let byte where byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
      case let byte where byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
      default: return nil
      }
      guard UInt32(digit) < 1 << bits else { return nil }
      value = value << bits | UInt32(digit)
      index += 1
    }
    return value
  }
}
