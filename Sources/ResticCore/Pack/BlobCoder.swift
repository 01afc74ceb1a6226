/// Converts blobs to and from their stored form: compression, sealing and the check against the blob's id.
struct BlobCoder: Sendable {
  let masterKey: MasterKey
  /// The repository's format version; version 1 has no compression.
  let version: Int
  let compression: CompressionMode
  /// Whether every sealed blob is decoded again before it is accepted, as restic does.
  let verifiesWrites: Bool

  /// The most bytes of a blob's plaintext: more than any chunk or tree has, and little enough to be allocated. An index
  /// file may state up to 4 GiB, which is not trusted.
  static let plaintextByteLimit = 1 << 30
  /// The most bytes of a sealed blob.
  static let sealedByteLimit = Zstd.worstCase(of: plaintextByteLimit) + MasterKey.overhead

  /// The size of a piece when a blob is checked: it stays in the processor's first-level cache.
  private static let pieceByteCount = 32 << 10

  /// Compresses and seals `plaintext`, whose hash is `id`, then opens it again to check it: otherwise, a fault of the
  /// memory or the processor would be noticed only when the data is needed. Right after sealing the bytes are in the
  /// cache, and comparing them costs a tenth of hashing them again, so the check is cheap.
  ///
  /// `compresses` decides what is compressed; a result that is larger than the original is kept.
  func seal(_ plaintext: PooledBytes, id: BlobID, type: BlobType) throws(RepositoryError) -> SealedBlob {
    guard plaintext.byteCount <= Self.plaintextByteLimit else {
      throw .tooLarge("blob \(id.short) has \(plaintext.byteCount) bytes; 1 GiB is the most that can be read again")
    }
    let isCompressed = plaintext.withUnsafeBytes { compresses($0, type) }
    let room = isCompressed ? Zstd.worstCase(of: plaintext.byteCount) : plaintext.byteCount
    let sealed = PooledBytes(capacity: room + MasterKey.overhead)
    plaintext.withUnsafeBytes { plaintext in
      sealed.append(upTo: sealed.capacity) { output in
        guard isCompressed else {
          masterKey.seal(plaintext, into: output)
          return output.count
        }
        let frame = UnsafeMutableRawBufferPointer(rebasing: output[MasterKey.ivByteCount...].prefix(room))
        let byteCount = Zstd.compress(plaintext, into: frame, mode: compression == .off ? .auto : compression)
        masterKey.seal(
          UnsafeRawBufferPointer(rebasing: frame[..<byteCount]),
          into: UnsafeMutableRawBufferPointer(rebasing: output[..<(byteCount + MasterKey.overhead)]))
        return byteCount + MasterKey.overhead
      }
    }
    let blob = SealedBlob(
      id: id, type: type, bytes: sealed, uncompressedLength: isCompressed ? UInt32(plaintext.byteCount) : nil)
    if verifiesWrites { try verify(blob, against: plaintext) }
    return blob
  }

  /// Whether a blob is compressed before it is sealed.
  ///
  /// As in restic, version 1 compresses nothing; version 2 always compresses trees, never empty blobs, and data unless
  /// compression is off. Unlike restic, every mode except `max` stores data uncompressed if a sample does not shrink: a
  /// frame around it would save nothing, and cost a copy whenever it is stored or read.
  /// Source: restic, saveAndEncrypt.
  private func compresses(_ plaintext: UnsafeRawBufferPointer, _ type: BlobType) -> Bool {
    guard version > 1, !plaintext.isEmpty else { return false }
    return switch (type, compression) {
    case (.tree, _), (.data, .max): true
    case (.data, .off): false
    case (.data, .fastest), (.data, .auto), (.data, .better): Zstd.seemsWorthwhile(for: plaintext)
    }
  }

  /// Throws unless `blob` opens to `plaintext`.
  func verify(_ blob: SealedBlob, against plaintext: PooledBytes) throws(RepositoryError) {
    let readsBack = blob.bytes.withUnsafeBytes { sealed in
      plaintext.withUnsafeBytes { plaintext in
        blob.uncompressedLength == nil
          ? opens(sealed, to: plaintext)
          : Zstd.holds(plaintext) { comparison in
            // If the MAC is wrong, nothing is added, and missing content is not equal.
            try? masterKey.open(sealed, inPiecesOf: Self.pieceByteCount) { comparison.add($0) }
          }
      }
    }
    guard readsBack else {
      throw .damaged(
        "blob \(blob.id.short) failed its check before storing: this machine's memory or processor is faulty; nothing was stored"
      )
    }
  }

  private func opens(_ sealed: UnsafeRawBufferPointer, to plaintext: UnsafeRawBufferPointer) -> Bool {
    guard sealed.count == plaintext.count + MasterKey.overhead else { return false }
    var rest = plaintext
    var isEqual = true
    do throws(CryptoError) {
      try masterKey.open(sealed, inPiecesOf: Self.pieceByteCount) { piece in
        isEqual = isEqual && piece.isEqual(to: UnsafeRawBufferPointer(rebasing: rest.prefix(piece.count)))
        rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(piece.count))
      }
    } catch {
      return false
    }
    return isEqual
  }

  /// The plaintext of the blob `id`, verified. `place` names the origin of the sealed bytes in messages.
  func open(
    _ sealed: UnsafeRawBufferPointer, uncompressedLength: UInt32?, id: BlobID, place: @autoclosure () -> String
  ) throws(RepositoryError) -> [UInt8] {
    let plaintext = try decode(sealed, uncompressedLength: uncompressedLength, id: id, place: place())
    guard SHA256.id(of: plaintext, as: BlobID.self) == id else {
      throw .damaged("the content of blob \(id.short) in \(place()) does not match its name")
    }
    return plaintext
  }

  /// The plaintext of the blob `id`, not compared with that id.
  private func decode(
    _ sealed: UnsafeRawBufferPointer, uncompressedLength: UInt32?, id: BlobID, place: @autoclosure () -> String
  ) throws(RepositoryError) -> [UInt8] {
    do {
      guard let uncompressedLength else { return try masterKey.open(sealed) }
      let frame = PooledBytes(capacity: sealed.count)
      try masterKey.open(sealed, into: frame)
      return try frame.withUnsafeBytes { try Zstd.decompress($0, expectedByteCount: Int(uncompressedLength)) }
    } catch let error as CompressionError {
      throw .damaged("blob \(id.short) in \(place()) cannot be decompressed: \(error)")
    } catch {
      throw .damaged("blob \(id.short) in \(place()) cannot be opened: \(error)")
    }
  }
}
