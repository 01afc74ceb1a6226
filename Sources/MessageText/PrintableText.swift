/// Makes text printable that comes in pieces, such as what a program writes. Newlines, carriage returns and tabs stay: they
/// make the lines.
public struct PrintableText {
  /// The beginning of a character whose end has not come yet: three bytes at most.
  private var unfinished: [UInt8] = []

  /// A filter at the beginning of a text.
  public init() {}

  /// What to show of the next piece, UTF-8: `?` in the place of what a terminal might obey, U+FFFD where it is no UTF-8. A
  /// character that is cut off at the end comes with the next piece.
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

  /// The last bytes, if they begin a character and don't end it.
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
