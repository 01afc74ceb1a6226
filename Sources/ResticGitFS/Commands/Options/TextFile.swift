/// Files that people write for restic: a location or a password, saved by any editor.
///
/// Source: restic's internal/textfile and Go's strings.TrimSpace. Works on bytes: nothing here makes a `String` of a
/// password.
enum TextFile {
  /// Go's white space in UTF-8.
  private static let spaces: [[UInt8]] =
    [0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x20].map { [$0] } + [[0xC2, 0x85], [0xC2, 0xA0], [0xE1, 0x9A, 0x80]]
    + (0x80...0x8A).map { [0xE2, 0x80, $0] }
    + [[0xE2, 0x80, 0xA8], [0xE2, 0x80, 0xA9], [0xE2, 0x80, 0xAF], [0xE2, 0x81, 0x9F], [0xE3, 0x80, 0x80]]

  /// `bytes` as UTF-8: a byte order mark is taken away, UTF-16 is converted where one tells so, anything else is left.
  static func decoded(_ bytes: [UInt8]) -> [UInt8] {
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { return Array(bytes.dropFirst(3)) }
    if bytes.starts(with: [0xFE, 0xFF]) { return utf8(bytes.dropFirst(2), high: 0, low: 1) }
    if bytes.starts(with: [0xFF, 0xFE]) { return utf8(bytes.dropFirst(2), high: 1, low: 0) }
    return bytes
  }

  /// `bytes` without the white space at both ends.
  static func trimmed(_ bytes: [UInt8]) -> ArraySlice<UInt8> {
    var rest = bytes[...]
    while let space = spaces.first(where: { rest.starts(with: $0) }) { rest = rest.dropFirst(space.count) }
    while let space = spaces.first(where: { rest.suffix($0.count).elementsEqual($0) }) {
      rest = rest.dropLast(space.count)
    }
    return rest
  }

  /// UTF-16 as UTF-8; `high` and `low` are where a unit has its bytes. Half a pair and half a unit become U+FFFD.
  private static func utf8(_ bytes: ArraySlice<UInt8>, high: Int, low: Int) -> [UInt8] {
    var result: [UInt8] = []
    // Three bytes a unit at most, so that the buffer never moves and leaves no copy behind.
    result.reserveCapacity(bytes.count * 3)
    let units = stride(from: bytes.startIndex, to: bytes.endIndex - 1, by: 2).lazy.map { index in
      UInt16(bytes[index + high]) << 8 | UInt16(bytes[index + low])
    }
    _ = transcode(units.makeIterator(), from: UTF16.self, to: UTF8.self, stoppingOnError: false) {
      result.append($0)
    }
    if bytes.count % 2 != 0 { result += [0xEF, 0xBF, 0xBD] }
    return result
  }
}
