/// Makes text printable that comes in pieces, such as the output of a program. Newlines, carriage returns and tabs
/// stay, because they separate lines and columns.
public struct PrintableText {
  /// The beginning of a character whose end has not arrived yet: three bytes at most.
  private var unfinished: [UInt8] = []

  /// A filter at the beginning of a text.
  public init() {}

  /// The next piece as printable UTF-8: `?` replaces characters that control a terminal, U+FFFD replaces bytes that are
  /// not UTF-8. A character that is cut off at the end of a piece comes with the next piece.
  public mutating func next(_ piece: some Sequence<UInt8>) -> [UInt8] {
    var bytes = unfinished + piece
    unfinished = Self.unfinished(in: bytes)
    bytes.removeLast(unfinished.count)
    var scalars = String.UnicodeScalarView()
    for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
      scalars.append(["\n", "\r", "\t"].contains(scalar) ? scalar : scalar.printable)
    }
    return Array(String(scalars).utf8)
  }

  /// The last bytes, if they begin a character without completing it.
  private static func unfinished(in bytes: [UInt8]) -> [UInt8] {
    for count in 1...3 where count <= bytes.count {
      let byte = bytes[bytes.count - count]
      if byte & 0b1100_0000 == 0b1000_0000 { continue }
      let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
      return length > count ? bytes.suffix(count) : []
    }
    return []
  }
}
