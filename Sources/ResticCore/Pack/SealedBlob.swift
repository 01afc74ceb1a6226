/// A blob in the form in which a pack stores it.
struct SealedBlob: Sendable {
  let id: BlobID
  let type: BlobType
  /// Sealed; compressed before if `uncompressedLength` is not nil.
  let bytes: PooledBytes
  let uncompressedLength: UInt32?

  /// Bytes of its entry in the pack header.
  var headerEntryByteCount: Int {
    uncompressedLength == nil ? PackHeader.plainEntryByteCount : PackHeader.compressedEntryByteCount
  }

  /// Bytes before compression and sealing.
  var plaintextByteCount: Int { uncompressedLength.map(Int.init) ?? bytes.byteCount - MasterKey.overhead }
}
