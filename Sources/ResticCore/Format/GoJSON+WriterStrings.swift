extension GoJSON.Writer {
  /// Appends `text` as a JSON string.
  public mutating func string(_ text: String) {
    var text = text
    text.withUTF8 { string(UnsafeRawBufferPointer($0)) }
  }

  /// Appends `bytes`, a Go string, as a JSON string: each byte that is not UTF-8 becomes `\ufffd`.
  public mutating func string(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { string($0) }
  }

  mutating func string(_ bytes: UnsafeRawBufferPointer) {
    // An escape has six bytes at most and stands for one byte or more.
    append(maximum: bytes.count * 6 + 2) { target in
      var output = target
      output = GoJSON.put(UInt8(ascii: "\""), output)
      var index = 0
      while index < bytes.count {
        let byte = bytes[index]
        if byte < 0x80 {
          output = GoJSON.putEscaped(byte, output)
          index += 1
          continue
        }
        guard let rune = GoJSON.decodeRune(bytes, at: index) else {
          output = GoJSON.putEscape(0xfffd, output)
          index += 1
          continue
        }
        if rune.scalar == 0x2028 || rune.scalar == 0x2029 {
          output = GoJSON.putEscape(UInt16(rune.scalar), output)
        } else {
          for offset in 0..<rune.width { output = GoJSON.put(bytes[index + offset], output) }
        }
        index += rune.width
      }
      output = GoJSON.put(UInt8(ascii: "\""), output)
      return output - target
    }
  }

  /// Appends `bytes`, a file name, as restic does: through Go's `strconv.Quote` without its quotes, then as a JSON
  /// string.
  mutating func quotedString(_ bytes: UnsafeRawBufferPointer) {
    if GoQuote.isVerbatim(bytes) {
      string(bytes)
    } else {
      string(GoQuote.quote(bytes))
    }
  }
}

extension GoJSON {
  @inline(__always)
  fileprivate static func put(_ byte: UInt8, _ target: UnsafeMutablePointer<UInt8>) -> UnsafeMutablePointer<UInt8> {
    target.pointee = byte
    return target + 1
  }

  /// Writes the escape `\uXXXX` in lower-case hex.
  fileprivate static func putEscape(_ unit: UInt16, _ target: UnsafeMutablePointer<UInt8>) -> UnsafeMutablePointer<
    UInt8
  > {
    target[0] = UInt8(ascii: "\\")
    target[1] = UInt8(ascii: "u")
    for digit in 0..<4 {
      target[2 + digit] = HexWord.digit(UInt8(truncatingIfNeeded: unit >> UInt16(12 - 4 * digit) & 15))
    }
    return target + 6
  }

  /// Writes the ASCII character `byte`, escaped where Go escapes it.
  @inline(__always)
  fileprivate static func putEscaped(_ byte: UInt8, _ target: UnsafeMutablePointer<UInt8>) -> UnsafeMutablePointer<
    UInt8
  > {
    if byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte != UInt8(ascii: "<"),
      byte != UInt8(ascii: ">"), byte != UInt8(ascii: "&")
    {
      return put(byte, target)
    }
    let short: UInt8
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): short = byte
    case 8: short = UInt8(ascii: "b")
    case 9: short = UInt8(ascii: "t")
    case 10: short = UInt8(ascii: "n")
    case 12: short = UInt8(ascii: "f")
    case 13: short = UInt8(ascii: "r")
    default: return putEscape(UInt16(byte), target)
    }
    target[0] = UInt8(ascii: "\\")
    target[1] = short
    return target + 2
  }
}
