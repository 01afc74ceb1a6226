/// A blob and its place in a pack.
public struct PackBlob: Hashable, Sendable {
  /// Bytes that sealing adds to a blob: 16 of IV and 16 of MAC.
  static let sealOverhead: UInt32 = 32

  /// The hash of the blob's plaintext.
  public var id: BlobID
  /// Whether the blob holds a file's data or a tree.
  public var type: BlobType
  /// Bytes from the start of the pack.
  public var offset: UInt32
  /// Bytes as stored, sealed; 32 or more.
  public var length: UInt32
  /// Bytes of the plaintext if the blob is stored compressed, otherwise nil.
  public var uncompressedLength: UInt32?

  /// A blob at `offset` in its pack; `length` counts the sealed bytes, `uncompressedLength` is nil for a blob that is
  /// stored as it is.
  public init(id: BlobID, type: BlobType, offset: UInt32, length: UInt32, uncompressedLength: UInt32? = nil) {
    self.id = id
    self.type = type
    self.offset = offset
    self.length = length
    self.uncompressedLength = uncompressedLength
  }

  /// The first byte after the blob; nil if the blob is too short or ends beyond 32 bits.
  var checkedEnd: UInt32? {
    let (end, overflow) = offset.addingReportingOverflow(length)
    return overflow || length < Self.sealOverhead ? nil : end
  }
}
