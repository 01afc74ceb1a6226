/// Where one stored copy of a blob is.
struct BlobLocation: Hashable, Sendable {
  let pack: PackID
  /// First byte within the pack.
  let offset: UInt32
  /// Bytes as stored: sealed and, where `uncompressedLength` is not nil, compressed.
  let length: UInt32
  /// Plaintext bytes of a compressed blob; nil for one stored as it is.
  let uncompressedLength: UInt32?

  /// The stored bytes within the pack.
  var range: Range<Int> { Int(offset)..<Int(offset) + Int(length) }

  /// Plaintext bytes.
  var plaintextByteCount: Int {
    uncompressedLength.map(Int.init) ?? max(0, Int(length) - MasterKey.overhead)
  }
}
