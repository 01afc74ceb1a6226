/// Files that people write for restic: a location or a password, saved by any editor.
///
/// Source: restic's internal/textfile and Go's strings.TrimSpace. Works on bytes: no code here makes a `String` of a
/// password.
enum TextFile {
  /// Go's white space in UTF-8.
  private static let spaces: [[UInt8]] =
    [0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x20].map { [$0] } + [[0xC2, 0x85], [0xC2, 0xA0], [0xE1, 0x9A, 0x80]]
    + (0x80...0x8A).map { [0xE2, 0x80, $0] }
    + [[0xE2, 0x80, 0xA8], [0xE2, 0x80, 0xA9], [0xE2, 0x80, 0xAF], [0xE2, 0x81, 0x9F], [0xE3, 0x80, 0x80]]

  /// `bytes` as UTF-8: removes a byte order mark, converts UTF-16 if the mark says so, and leaves anything else.
  static func decoded(_ bytes: [UInt8]) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: bytes.count / 2 * 3 + 3) { target, count in
      count = bytes.withUnsafeBytes { decode($0[...], to: UnsafeMutableRawBufferPointer(target)) }
    }
  }

  /// As `decoded`, into `target`, which has room for three bytes for every two of `bytes`, and for three more. Returns
  /// the number of bytes. Leaves no other copy.
  static func decode(_ bytes: Slice<UnsafeRawBufferPointer>, to target: UnsafeMutableRawBufferPointer) -> Int {
    if bytes.starts(with: [0xFE, 0xFF]) { return decodeUTF16(bytes.dropFirst(2), high: 0, low: 1, to: target) }
    if bytes.starts(with: [0xFF, 0xFE]) { return decodeUTF16(bytes.dropFirst(2), high: 1, low: 0, to: target) }
    let text = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes
    target.copyBytes(from: text)
    return text.count
  }

  /// `bytes` without the white space at both ends.
  static func trimmed<Bytes: BidirectionalCollection>(
    _ bytes: Bytes
  ) -> Bytes.SubSequence where Bytes.Element == UInt8, Bytes.SubSequence: BidirectionalCollection {
    var rest = bytes[...]
    while let space = spaces.first(where: { rest.starts(with: $0) }) { rest = rest.dropFirst(space.count) }
    while let space = spaces.first(where: { rest.suffix($0.count).elementsEqual($0) }) {
      rest = rest.dropLast(space.count)
    }
    return rest
  }

  /// UTF-16 as UTF-8; `high` and `low` are the positions of a unit's bytes. Half a pair and half a unit become U+FFFD.
  private static func decodeUTF16(
    _ bytes: Slice<UnsafeRawBufferPointer>, high: Int, low: Int, to target: UnsafeMutableRawBufferPointer
  ) -> Int {
    var count = 0
    let units = stride(from: bytes.startIndex, to: bytes.endIndex - 1, by: 2).lazy.map { index in
      UInt16(bytes[index + high]) << 8 | UInt16(bytes[index + low])
    }
    let append = { (byte: UInt8) in
      target[count] = byte
      count += 1
    }
    _ = transcode(units.makeIterator(), from: UTF16.self, to: UTF8.self, stoppingOnError: false, into: append)
    if bytes.count % 2 != 0 { [0xEF, 0xBF, 0xBD].forEach(append) }
    return count
  }
}
