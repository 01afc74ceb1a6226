/// A pack being put together: sealed blobs of one type, to be followed by the sealed header and its length.
///
///     blob ‖ blob ‖ … ‖ sealed header ‖ header length (4, little endian)
///
/// Not synchronised: it lives in an uploader's state. The blobs are kept apart until `finish`, so that they can be read
/// meanwhile and that two half-full packs can be merged.
struct PackBuilder {
  /// Most entries a header may have. Source: restic, MaxHeaderSize 16 MiB over 41 bytes an entry.
  static let maximumBlobCount = (16 << 20) / 41 - 1

  let type: BlobType
  private(set) var blobs: [SealedBlob] = []
  /// The sealed blobs' bytes together, without the header.
  private(set) var byteCount = 0

  init(type: BlobType) {
    self.type = type
  }

  mutating func append(_ blob: SealedBlob) {
    precondition(blob.type == type, "packs never mix data and trees")
    blobs.append(blob)
    byteCount += blob.bytes.count
  }

  /// Whether another blob should go into the next pack.
  func isFull(target: Int) -> Bool {
    byteCount >= target || blobs.count >= Self.maximumBlobCount
  }

  /// Takes over the blobs of `other` if both fit one pack; says whether it did.
  mutating func merge(_ other: PackBuilder, target: Int) -> Bool {
    precondition(other.type == type, "packs never mix data and trees")
    guard byteCount + other.byteCount < target, blobs.count + other.blobs.count < Self.maximumBlobCount else {
      return false
    }
    blobs += other.blobs
    byteCount += other.byteCount
    return true
  }

  /// The pack's bytes, its name and its table. The header is decoded again from the finished bytes and compared.
  func finish(_ masterKey: MasterKey) throws(RepositoryError) -> BuiltPack {
    var entries: [PackBlob] = []
    entries.reserveCapacity(blobs.count)
    var offset = 0
    for blob in blobs {
      entries.append(
        PackBlob(
          id: blob.id, type: blob.type, offset: UInt32(offset), length: UInt32(blob.bytes.count),
          uncompressedLength: blob.uncompressedLength))
      offset += blob.bytes.count
    }
    let header = masterKey.seal(PackHeader.encode(entries))
    let lengthBytes = withUnsafeBytes(of: UInt32(header.count).littleEndian) { Array($0) }

    var bytes: [UInt8] = []
    bytes.reserveCapacity(offset + header.count + lengthBytes.count)
    let hasher = SHA256Hasher()
    // Hashed piece by piece: what was just copied is in the cache.
    for piece in blobs.lazy.map(\.bytes) + [header, lengthBytes] {
      bytes += piece
      piece.withUnsafeBytes { hasher.update($0) }
    }
    let id: PackID = hasher.finish()
    guard let decoded = try? Self.decodeHeader(of: bytes, masterKey), decoded == entries else {
      // Whatever the reason, it is the same fault: what was just written does not read back.
      throw .damaged(
        "the header of a new pack does not read back: memory or processor are at fault, nothing was stored")
    }
    return BuiltPack(id: id, bytes: bytes, blobs: entries)
  }

  /// The table at the end of a whole pack.
  static func decodeHeader(of pack: [UInt8], _ masterKey: MasterKey) throws(RepositoryError) -> [PackBlob] {
    guard pack.count >= 4 else { throw .damaged("pack is too short for a header") }
    let length = pack.suffix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
    guard length <= pack.count - 4 else { throw .damaged("pack is shorter than its header") }
    do {
      let plaintext = try pack[(pack.count - 4 - length)..<(pack.count - 4)].withUnsafeBytes { try masterKey.open($0) }
      return try PackHeader.decode(plaintext)
    } catch {
      throw .damaged("pack header: \(error)")
    }
  }
}
