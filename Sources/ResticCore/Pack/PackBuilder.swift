/// A pack being assembled: sealed blobs of one type, to be followed by the sealed header and its length.
///
///     blob ‖ blob ‖ … ‖ sealed header ‖ header length (4, little endian)
///
/// Not synchronised: it belongs to an uploader's state. Meanwhile its blobs can be read from `content`.
struct PackBuilder {
  /// The most entries of a header.
  /// Source: restic, MaxHeaderSize 16 MiB over 41 bytes an entry.
  static let maximumBlobCount = (16 << 20) / 41 - 1

  let type: BlobType
  /// The sealed blobs, one after the other.
  let content: PackContent
  private(set) var blobs: [PackBlob] = []

  /// An empty pack of about `target` bytes.
  init(type: BlobType, target: Int = 0) {
    self.type = type
    content = PackContent(capacity: target)
  }

  /// The sealed blobs' bytes together, without the header.
  var byteCount: Int { blobs.last.map { Int($0.offset) + Int($0.length) } ?? 0 }

  /// Adds a blob, and returns where in `content` it is.
  @discardableResult
  mutating func append(_ blob: SealedBlob) -> Range<Int> {
    precondition(blob.type == type, "packs never mix data and trees")
    let range = blob.bytes.withUnsafeBytes { content.append($0) }
    blobs.append(
      PackBlob(
        id: blob.id, type: blob.type, offset: UInt32(range.lowerBound), length: UInt32(range.count),
        uncompressedLength: blob.uncompressedLength))
    return range
  }

  /// Whether another blob should go into the next pack.
  func isFull(target: Int) -> Bool {
    byteCount >= target || blobs.count >= Self.maximumBlobCount
  }

  /// Takes over the blobs of `other` if both fit into one pack; returns whether it did. The blobs stay readable in
  /// their old place.
  mutating func merge(_ other: PackBuilder, target: Int) -> Bool {
    precondition(other.type == type, "packs never mix data and trees")
    guard byteCount + other.byteCount < target, blobs.count + other.blobs.count < Self.maximumBlobCount else {
      return false
    }
    let start = UInt32(byteCount)
    _ = other.content.bytes.withUnsafeBytes { content.append($0) }
    blobs += other.blobs.map { blob in
      var blob = blob
      blob.offset += start
      return blob
    }
    return true
  }

  /// The pack's bytes, its name and its table. The header is decoded again from the finished bytes and compared.
  func finish(_ masterKey: MasterKey) throws(RepositoryError) -> BuiltPack {
    let header = masterKey.seal(PackHeader.encode(blobs))
    _ = header.withUnsafeBytes { content.append($0) }
    _ = withUnsafeBytes(of: UInt32(header.count).littleEndian) { content.append($0) }
    let bytes = content.bytes
    let tail = content.bytes(in: byteCount..<bytes.byteCount).array
    guard let decoded = try? Self.decodeHeader(of: tail, masterKey), decoded == blobs else {
      // Whatever the reason, the fault is the same: the bytes just written cannot be read back.
      throw .damaged(
        "the header of a new pack failed its check: this machine's memory or processor is faulty; nothing was stored")
    }
    return BuiltPack(id: bytes.withUnsafeBytes { SHA256.id(of: $0) }, bytes: bytes, blobs: blobs)
  }

  /// The table at the end of a pack; `pack` may be only that end.
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
