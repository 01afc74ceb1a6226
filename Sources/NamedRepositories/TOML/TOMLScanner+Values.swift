extension TOMLScanner {
  private static let quote = UInt8(ascii: "\"")
  private static let apostrophe = UInt8(ascii: "'")
  private static let values =
    "a value is a text in quotes, a whole number, true, false, a list of texts or a table in braces"

  /// Reads a bare or quoted key.
  mutating func readKey() throws(TOMLError) -> String {
    if next == Self.quote || next == Self.apostrophe { return try readString() }
    let key = takeAll(where: Self.isBare)
    guard !key.isEmpty else { throw error("a key is made of letters, digits, - and _, or stands in quotes") }
    return key
  }

  /// Reads a value that is not a table.
  mutating func readValue() throws(TOMLError) -> TOMLValue {
    switch next {
    case Self.quote, Self.apostrophe: return .string(try readString())
    case UInt8(ascii: "["): return .strings(try readStrings())
    default: break
    }
    let start = self
    let word = takeAll {
      Self.isBare($0) || $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: ":")
    }
    switch word {
    case "true": return .boolean(true)
    case "false": return .boolean(false)
    default:
      guard let number = Self.integer(word) else { throw start.error(Self.values) }
      return .integer(number)
    }
  }

  private mutating func readStrings() throws(TOMLError) -> [String] {
    let start = self
    skip(UInt8(ascii: "["))
    var strings: [String] = []
    while true {
      try skipBlankLines()
      if skip(UInt8(ascii: "]")) { return strings }
      guard next == Self.quote || next == Self.apostrophe else {
        throw next == nil ? start.error("the list does not end") : error("a list holds texts in quotes only")
      }
      strings.append(try readString())
      try skipBlankLines()
      if skip(UInt8(ascii: "]")) { return strings }
      guard skip(UInt8(ascii: ",")) else { throw error("a list has commas between its texts and ends with ]") }
    }
  }

  private mutating func readString() throws(TOMLError) -> String {
    guard let mark = take() else { throw error("a text in quotes was expected") }
    if next == mark {
      skip(mark)
      guard next != mark else { throw error("texts of several lines (\"\"\" or ''') are not supported") }
      return ""
    }
    var text: [UInt8] = []
    while let byte = next, byte != UInt8(ascii: "\n") {
      skip(byte)
      if byte == mark { return String(decoding: text, as: UTF8.self) }
      guard !Self.isControl(byte) else { throw error("a text holds a control character; write \\n, \\t or \\u0000") }
      if byte == UInt8(ascii: "\\"), mark == Self.quote { text += try readEscape() } else { text.append(byte) }
    }
    throw error("the text does not end on its line")
  }

  /// Reads what follows a backslash. Returns the bytes that the escape stands for.
  private mutating func readEscape() throws(TOMLError) -> [UInt8] {
    switch take() {
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "f"): return [0x0C]
    case UInt8(ascii: "r"): return [0x0D]
    case Self.quote: return [Self.quote]
    case UInt8(ascii: "\\"): return [UInt8(ascii: "\\")]
    case UInt8(ascii: "u"): return try readScalar(digits: 4)
    case UInt8(ascii: "U"): return try readScalar(digits: 8)
    default:
      throw error("\\ begins \\b, \\t, \\n, \\f, \\r, \\\", \\\\, \\uXXXX or \\UXXXXXXXX; in '…' it stands for itself")
    }
  }

  private mutating func readScalar(digits: Int) throws(TOMLError) -> [UInt8] {
    var value: UInt32 = 0
    for _ in 0..<digits {
      guard let byte = next, let digit = Self.hexDigit(byte) else { throw error("\\u has \(digits) hex digits") }
      skip(byte)
      value = value << 4 | digit
    }
    guard let scalar = Unicode.Scalar(value) else { throw error("there is no such Unicode character") }
    return Array(String(scalar).utf8)
  }

  private static func hexDigit(_ byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a")) + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A")) + 10
    default: nil
    }
  }

  private static func isBare(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  /// The decimal number that `word` spells, without leading zeros and with underscores only between digits; nil if
  /// `word` is not such a number.
  private static func integer(_ word: String) -> Int? {
    let unsigned = word.drop { $0 == "+" || $0 == "-" }
    guard word.utf8.count - unsigned.utf8.count <= 1 else { return nil }
    let groups = unsigned.split(separator: "_", omittingEmptySubsequences: false)
    let isDecimal = groups.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }
    guard isDecimal, unsigned == "0" || !unsigned.hasPrefix("0") else { return nil }
    return Int(word.filter { $0 != "_" })
  }
}
