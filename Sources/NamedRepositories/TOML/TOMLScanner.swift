/// Reads the bytes of a TOML file: spaces, comments, keys and values.
struct TOMLScanner {
  private static let newline = UInt8(ascii: "\n")
  private let bytes: [UInt8]
  private var position = 0
  /// The line of the next byte; the first line is 1.
  private(set) var line = 1

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  /// The next byte; nil at the end.
  var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  /// An error at the next byte.
  func error(_ message: String) -> TOMLError { TOMLError(line: line, message: message) }

  /// Takes the next byte if it is `byte`. Returns whether it was.
  @discardableResult
  mutating func skip(_ byte: UInt8) -> Bool {
    guard next == byte else { return false }
    position += 1
    if byte == Self.newline { line += 1 }
    return true
  }

  /// Takes the next byte; nil at the end.
  mutating func take() -> UInt8? {
    guard let byte = next else { return nil }
    skip(byte)
    return byte
  }

  /// Takes bytes for as long as `isWanted` accepts them, and returns them as text.
  mutating func takeAll(where isWanted: (UInt8) -> Bool) -> String {
    let start = position
    while let byte = next, byte != Self.newline, isWanted(byte) { position += 1 }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  // MARK: Separators

  /// Takes spaces and tabs.
  mutating func skipSpaces() {
    while next == UInt8(ascii: " ") || next == UInt8(ascii: "\t") { position += 1 }
  }

  /// Takes spaces, comments and newlines.
  mutating func skipBlankLines() throws(TOMLError) {
    repeat {
      skipSpaces()
      try skipComment()
    } while try skipNewline()
  }

  /// Takes the rest of a line, which may hold only spaces and a comment.
  mutating func endLine() throws(TOMLError) {
    skipSpaces()
    try skipComment()
    guard try skipNewline() || next == nil else { throw error("there is something left on this line") }
  }

  private mutating func skipNewline() throws(TOMLError) -> Bool {
    guard skip(UInt8(ascii: "\r")) else { return skip(Self.newline) }
    guard skip(Self.newline) else { throw error("a carriage return stands alone") }
    return true
  }

  private mutating func skipComment() throws(TOMLError) {
    guard skip(UInt8(ascii: "#")) else { return }
    while let byte = next, byte != Self.newline {
      if byte == UInt8(ascii: "\r"), position + 1 < bytes.count, bytes[position + 1] == Self.newline { return }
      guard !Self.isControl(byte) else { throw error("a comment holds a control character") }
      position += 1
    }
  }

  /// Whether `byte` is a control character, which TOML allows in no string and no comment.
  static func isControl(_ byte: UInt8) -> Bool { (byte < 0x20 && byte != UInt8(ascii: "\t")) || byte == 0x7F }
}
