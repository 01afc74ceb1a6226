/// The plaintext of the header at a pack's end: one entry for each blob, in the order of the blobs in the pack.
///
/// An entry is `type 1 ‖ length 4 ‖ id 32` (37 bytes) or, for a compressed blob, `type 1 ‖ length 4 ‖ uncompressed
/// length 4 ‖ id 32` (41 bytes), numbers little-endian. Types: 0 data, 1 tree, 2 and 3 the same compressed. Source:
/// restic's design document, "Pack Format".
public enum PackHeader {
  /// Bytes of an entry that isn't compressed.
  public static let plainEntryByteCount = 37
  /// Bytes of an entry that is compressed.
  public static let compressedEntryByteCount = 41

  /// The header for `blobs`, which are in this order and without gaps from the start of the pack. Offsets are not
  /// stored.
  public static func encode(_ blobs: [PackBlob]) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: blobs.count * compressedEntryByteCount) { buffer, count in
      guard let base = buffer.baseAddress else { return }
      let raw = UnsafeMutableRawPointer(base)
      func number(_ value: UInt32) {
        raw.storeBytes(of: value.littleEndian, toByteOffset: count, as: UInt32.self)
        count += 4
      }
      for blob in blobs {
        base[count] = blob.type.rawValue | (blob.uncompressedLength == nil ? 0 : 2)
        count += 1
        number(blob.length)
        if let uncompressedLength = blob.uncompressedLength { number(uncompressedLength) }
        let words = blob.id.words
        for word in [words.0, words.1, words.2, words.3] {
          raw.storeBytes(of: word.bigEndian, toByteOffset: count, as: UInt64.self)
          count += 8
        }
      }
    }
  }

  /// The blobs of the pack whose header is `plaintext`, with offsets added up from the lengths.
  ///
  /// Refuses other types, a blob shorter than its seal, a compressed blob of zero bytes, a pack of more than 4 GiB and
  /// a partial last entry.
  public static func decode(_ plaintext: [UInt8]) throws(FormatError) -> [PackBlob] {
    var blobs: [PackBlob] = []
    blobs.reserveCapacity(plaintext.count / plainEntryByteCount)
    var offset: UInt32 = 0
    var position = 0
    while position < plaintext.count {
      let code = plaintext[position]
      guard code < 4, let type = BlobType(rawValue: code & 1) else {
        throw FormatError("pack header: unknown blob type \(code) at byte \(position)")
      }
      let isCompressed = code >= 2
      let byteCount = isCompressed ? compressedEntryByteCount : plainEntryByteCount
      guard plaintext.count - position >= byteCount else {
        throw FormatError("pack header: ends within the entry at byte \(position)")
      }
      let blob = plaintext.withUnsafeBytes { bytes in
        func number(_ index: Int) -> UInt32 {
          UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: position + index, as: UInt32.self))
        }
        let id = position + byteCount - BlobID.byteCount
        return PackBlob(
          id: BlobID(bytes: UnsafeRawBufferPointer(rebasing: bytes[id..<id + BlobID.byteCount])),
          type: type, offset: offset, length: number(1), uncompressedLength: isCompressed ? number(5) : nil)
      }
      guard blob.uncompressedLength != 0 else {
        throw FormatError("pack header: a compressed blob of no bytes at byte \(position)")
      }
      guard let end = blob.checkedEnd else {
        throw FormatError("pack header: an impossible blob length \(blob.length) at byte \(position)")
      }
      blobs.append(blob)
      offset = end
      position += byteCount
    }
    return blobs
  }
}
