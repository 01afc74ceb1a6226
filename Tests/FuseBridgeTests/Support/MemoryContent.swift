/// The bytes of one file of `MemoryFileSystem`, sparse, in pieces of 1 MiB.
struct MemoryContent {
  /// A piece's part of a range.
  private struct Part {
    let piece: UInt64
    /// Where in the piece.
    let range: Range<Int>
    /// Where in the whole range.
    let position: Int
  }

  static let pieceByteCount = 1 << 20

  /// The size of the file.
  private(set) var byteCount: UInt64 = 0
  private var pieces: [UInt64: [UInt8]] = [:]

  /// How many bytes are held.
  var allocatedByteCount: UInt64 { UInt64(pieces.count * Self.pieceByteCount) }

  /// Cuts or extends with zeros.
  mutating func resize(to newByteCount: UInt64) {
    if newByteCount < byteCount { clear(newByteCount..<byteCount) }
    byteCount = newByteCount
  }

  /// Up to `count` bytes from `offset` on.
  func read(offset: UInt64, count: Int) -> [UInt8] {
    guard offset < byteCount, count > 0 else { return [] }
    let end = min(byteCount, offset + UInt64(count))
    return [UInt8](unsafeUninitializedCapacity: Int(end - offset)) { buffer, initializedCount in
      let whole = UnsafeMutableRawBufferPointer(buffer)
      for part in Self.parts(of: offset..<end) {
        let target = UnsafeMutableRawBufferPointer(rebasing: whole[part.position..<part.position + part.range.count])
        if let piece = pieces[part.piece] {
          piece.withUnsafeBytes { target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[part.range])) }
        } else {
          target.initializeMemory(as: UInt8.self, repeating: 0)
        }
      }
      initializedCount = whole.count
    }
  }

  /// Puts `bytes` at `offset`.
  mutating func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) {
    let end = offset + UInt64(bytes.count)
    for part in Self.parts(of: offset..<end) {
      pieces[part.piece, default: [UInt8](repeating: 0, count: Self.pieceByteCount)].withUnsafeMutableBytes {
        UnsafeMutableRawBufferPointer(rebasing: $0[part.range])
          .copyMemory(
            from: UnsafeRawBufferPointer(rebasing: bytes[part.position..<part.position + part.range.count]))
      }
    }
    byteCount = max(byteCount, end)
  }

  /// Puts zeros; the size stays.
  mutating func clear(_ range: Range<UInt64>) {
    for part in Self.parts(of: range) {
      if part.range.count == Self.pieceByteCount {
        pieces[part.piece] = nil
      } else {
        pieces[part.piece]?.replaceSubrange(part.range, with: repeatElement(0, count: part.range.count))
      }
    }
  }

  private static func parts(of range: Range<UInt64>) -> some Sequence<Part> {
    var position = range.lowerBound
    return AnyIterator {
      guard position < range.upperBound else { return nil }
      let piece = position / UInt64(pieceByteCount)
      let start = Int(position % UInt64(pieceByteCount))
      let count = min(pieceByteCount - start, Int(range.upperBound - position))
      defer { position += UInt64(count) }
      return Part(piece: piece, range: start..<start + count, position: Int(position - range.lowerBound))
    }
  }
}
