/// Values that JSON holds in strings.
extension GoJSON.Reader {
  /// The four hex digits at `index` of a `\u` escape, upper or lower case; nil if they aren't there.
  static func codeUnit(_ bytes: UnsafeRawBufferPointer, at index: Int, end: Int) -> UInt16? {
    guard end - index >= 4 else { return nil }
    var unit: UInt16 = 0
    for offset in 0..<4 {
      let byte = bytes[index + offset]
      let digit: UInt8
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
      default: return nil
      }
      unit = unit << 4 | UInt16(digit)
    }
    return unit
  }

  /// The text of `token`, always UTF-8: as in Go, invalid bytes and lone surrogates have become U+FFFD.
  func unescape(_ token: StringToken) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(token.range.count)
    let text = UnsafeRawBufferPointer(rebasing: bytes[token.range])
    var index = 0
    while index < text.count {
      let byte = text[index]
      if byte == UInt8(ascii: "\\") {
        index = appendEscape(text, at: index + 1, to: &result)
      } else if byte < 0x80 {
        result.append(byte)
        index += 1
      } else if let rune = GoJSON.decodeRune(text, at: index) {
        result.append(contentsOf: text[index..<index + rune.width])
        index += rune.width
      } else {
        GoJSON.appendUTF8(0xfffd, to: &result)
        index += 1
      }
    }
    return result
  }

  /// Appends the character of the escape whose letter is at `index`, and returns the index after the escape. The
  /// scanner has checked the escape.
  private func appendEscape(_ text: UnsafeRawBufferPointer, at index: Int, to result: inout [UInt8]) -> Int {
    switch text[index] {
    case UInt8(ascii: "b"): result.append(8)
    case UInt8(ascii: "f"): result.append(12)
    case UInt8(ascii: "n"): result.append(10)
    case UInt8(ascii: "r"): result.append(13)
    case UInt8(ascii: "t"): result.append(9)
    case UInt8(ascii: "u"):
      let unit = Self.codeUnit(text, at: index + 1, end: text.count) ?? 0xfffd
      guard unit & 0xf800 == 0xd800 else {
        GoJSON.appendUTF8(UInt32(unit), to: &result)
        return index + 5
      }
      // A high surrogate counts only with its low one; a lone one consumes just its own escape.
      if unit < 0xdc00, text.count - index >= 11, text[index + 5] == UInt8(ascii: "\\"),
        text[index + 6] == UInt8(ascii: "u"),
        let low = Self.codeUnit(text, at: index + 7, end: text.count), low & 0xfc00 == 0xdc00
      {
        GoJSON.appendUTF8(0x10000 + UInt32(unit & 0x3ff) << 10 + UInt32(low & 0x3ff), to: &result)
        return index + 11
      }
      GoJSON.appendUTF8(0xfffd, to: &result)
      return index + 5
    default: result.append(text[index])
    }
    return index + 1
  }

  /// The text of `token`.
  @inline(__always)
  func utf8(_ token: StringToken) -> [UInt8] {
    token.isPlain ? Array(bytes[token.range]) : unescape(token)
  }

  /// The text of `token`.
  @inline(__always)
  func text(_ token: StringToken) -> String {
    if token.isPlain { return String(decoding: UnsafeRawBufferPointer(rebasing: bytes[token.range]), as: UTF8.self) }
    return String(decoding: unescape(token), as: UTF8.self)
  }

  mutating func string() throws(FormatError) -> String {
    text(try stringToken())
  }

  mutating func strings() throws(FormatError) -> [String] {
    try array { reader throws(FormatError) in try reader.string() }
  }

  /// A string of 64 lower-case hex digits.
  @inline(__always)
  mutating func id<Kind>(_: ID<Kind>.Type = ID<Kind>.self) throws(FormatError) -> ID<Kind> {
    let token = try stringToken()
    guard token.range.count == 64, let base = bytes.baseAddress else { throw error("an id expected") }
    let start = base + token.range.lowerBound
    guard let first = HexWord.read(start), let second = HexWord.read(start + 16), let third = HexWord.read(start + 32),
      let fourth = HexWord.read(start + 48)
    else { throw error("an id expected") }
    return ID(words: (first, second, third, fourth))
  }

  /// A time in RFC 3339.
  @inline(__always)
  mutating func time() throws(FormatError) -> Timestamp {
    let token = try stringToken()
    guard let time = Timestamp(rfc3339Bytes: UnsafeRawBufferPointer(rebasing: bytes[token.range])) else {
      throw error("a time expected")
    }
    return time
  }

  /// The bytes that a base64 string holds.
  mutating func base64() throws(FormatError) -> [UInt8] {
    let token = try stringToken()
    // A slash may be escaped.
    let result = utf8(token).withUnsafeBytes { text -> [UInt8]? in
      var isValid = false
      let decoded = [UInt8](unsafeUninitializedCapacity: text.count / 4 * 3 + 3) { buffer, count in
        guard let start = buffer.baseAddress, let written = GoJSON.decodeBase64(text, to: start) else { return }
        isValid = true
        count = written
      }
      return isValid ? decoded : nil
    }
    guard let result else { throw error("base64 expected") }
    return result
  }
}
