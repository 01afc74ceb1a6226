/// Turns blobs into what packs store and back: compression, sealing and the check against the blob's id.
struct BlobCoder: Sendable {
  let masterKey: MasterKey
  /// The repository's format version; 1 knows no compression.
  let version: Int
  let compression: CompressionMode
  /// Whether every sealed blob is decoded again before it is accepted, as restic does.
  let verifiesWrites: Bool

  /// Compresses and seals `plaintext`, whose hash is `id`, then opens it again to see that it is right: a fault of the
  /// memory or the processor would otherwise be noticed when the data is needed. Right after sealing the bytes are in
  /// the cache, and comparing them costs a tenth of hashing them again, which makes it cheap.
  ///
  /// What is compressed follows restic: nothing in version 1; in version 2 trees always, data unless compression is off,
  /// empty blobs never. A result that is larger than the original is kept. Source: restic, saveAndEncrypt.
  func seal(_ plaintext: [UInt8], id: BlobID, type: BlobType) throws(RepositoryError) -> SealedBlob {
    guard plaintext.count < Int(UInt32.max) - 1 << 20 else {
      throw .tooLarge("blob \(id.short) has \(plaintext.count) bytes; the format allows 4 GiB")
    }
    let isCompressed = version > 1 && !plaintext.isEmpty && (compression != .off || type == .tree)
    let bytes = plaintext.withUnsafeBytes { plaintext in
      if !isCompressed { return masterKey.seal(plaintext) }
      return Zstd.compress(plaintext, mode: compression == .off ? .auto : compression)
        .withUnsafeBytes { masterKey.seal($0) }
    }
    let uncompressedLength = isCompressed ? UInt32(plaintext.count) : nil
    if verifiesWrites {
      try verify(bytes, uncompressedLength: uncompressedLength, id: id, against: plaintext)
    }
    return SealedBlob(id: id, type: type, bytes: bytes, uncompressedLength: uncompressedLength)
  }

  /// Throws unless `sealed` opens to `plaintext`.
  func verify(
    _ sealed: [UInt8], uncompressedLength: UInt32?, id: BlobID, against plaintext: [UInt8]
  ) throws(RepositoryError) {
    do throws(RepositoryError) {
      let opened = try decode(sealed[...], uncompressedLength: uncompressedLength, id: id, place: "memory")
      guard opened == plaintext else { throw .damaged("blob \(id.short) does not read back") }
    } catch {
      throw .damaged("\(error): this machine's memory or processor is at fault, nothing was stored")
    }
  }

  /// The plaintext of the blob `id`, verified. `place` says in messages where the sealed bytes came from.
  func open(
    _ sealed: ArraySlice<UInt8>, uncompressedLength: UInt32?, id: BlobID, place: @autoclosure () -> String
  ) throws(RepositoryError) -> [UInt8] {
    let plaintext = try decode(sealed, uncompressedLength: uncompressedLength, id: id, place: place())
    guard SHA256.id(of: plaintext, as: BlobID.self) == id else {
      throw .damaged("blob \(id.short) in \(place()) has other content than its name says")
    }
    return plaintext
  }

  /// The plaintext of the blob `id`, not compared with that id.
  private func decode(
    _ sealed: ArraySlice<UInt8>, uncompressedLength: UInt32?, id: BlobID, place: @autoclosure () -> String
  ) throws(RepositoryError) -> [UInt8] {
    let opened: [UInt8]
    do throws(CryptoError) {
      opened = try sealed.withUnsafeBufferPointer { bytes throws(CryptoError) in
        try masterKey.open(UnsafeRawBufferPointer(bytes))
      }
    } catch {
      throw .damaged("blob \(id.short) in \(place()) cannot be opened: \(error)")
    }
    guard let uncompressedLength else { return opened }
    do throws(CompressionError) {
      return try Zstd.decompress(opened, expectedByteCount: Int(uncompressedLength))
    } catch {
      throw .damaged("blob \(id.short) in \(place()) cannot be decompressed: \(error)")
    }
  }
}
