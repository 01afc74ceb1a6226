/// The repository's small files, each sealed as a whole: config, index, snapshots, locks.
///
/// Layout of the sealed plaintext: in version 1 and for `config`, JSON; in version 2, the byte 2 and a zstd frame of
/// the JSON, although plain JSON (which begins with `{` or `[`) can still be read. A file's name is the SHA-256 of its
/// stored bytes.
/// Source: restic design document, "Unpacked Data Format".
struct UnpackedFiles: Sendable {
  /// The first byte of a compressed plaintext.
  private static let compressedMark: UInt8 = 2

  let backend: any Backend
  let masterKey: MasterKey
  /// The format version; irrelevant for reading `config`.
  let version: Int
  let compression: CompressionMode

  // MARK: Loading

  /// The plaintext of `file`. Throws `.damaged` naming the file if it is not as it was stored, `.backend(.notFound)` if
  /// it does not exist.
  func load(_ file: BackendFile) async throws(RepositoryError) -> [UInt8] {
    try open(try await loadStored(file), file)
  }

  /// The stored bytes of `file`, which fit its name. Throws as `load` does.
  func loadStored(_ file: BackendFile) async throws(RepositoryError) -> PooledBytes {
    do throws(RepositoryError) {
      return try await Self.loadStored(file, from: backend)
    } catch .backend(.tooLarge(_, let byteCount)) {
      return try await loadLarge(file, byteCount)
    }
  }

  /// The stored bytes of `file`, which fit its name.
  ///
  /// If they do not fit, the file is loaded once more, because the fault may be in the transfer. Throws `.damaged` if
  /// the file is larger than its type allows, `.backend(.tooLarge)` if it must be read in pieces.
  /// Source: restic, LoadRaw.
  static func loadStored(
    _ file: BackendFile, from backend: any Backend
  ) async throws(RepositoryError) -> PooledBytes {
    for _ in 0..<2 {
      let stored: PooledBytes
      do throws(BackendError) {
        stored = try await backend.load(file)
      } catch .tooLarge(_, let byteCount) where byteCount > file.type.byteLimit {
        throw .damaged(tooLarge: file, byteCount: byteCount)
      } catch .irregular(_, let kind) {
        throw .damaged("\(file) is damaged: it is \(kind) instead of a file")
      } catch {
        throw .backend(error)
      }
      let id: ID<Never> = stored.withUnsafeBytes { SHA256.id(of: $0) }
      if file == .config || id.hex == file.name { return stored }
    }
    throw .damaged(misnamed: file)
  }

  /// The stored bytes of a file that is too large to be read without checking it first.
  private func loadLarge(_ file: BackendFile, _ byteCount: Int) async throws(RepositoryError) -> PooledBytes {
    let sealedReading = SealedReading(backend: backend, masterKey: masterKey)
    do {
      for _ in 0..<2 {
        if let stored = try await sealedReading.loadNamed(file, byteCount: byteCount) { return stored }
      }
    } catch let error as BackendError {
      throw .backend(error)
    } catch {
      throw .damaged("\(file) is damaged: \(error)")
    }
    throw .damaged(misnamed: file)
  }

  /// Whether `stored` was sealed with the repository's key.
  func isSealed(_ stored: PooledBytes) -> Bool {
    do throws(CryptoError) {
      try stored.withUnsafeBytes { stored throws(CryptoError) in
        try masterKey.open(stored, inPiecesOf: SealedReading.pieceByteCount) { _ in }
      }
      return true
    } catch {
      return false
    }
  }

  /// The plaintext of `stored`, the content of `file`.
  func open(_ stored: PooledBytes, _ file: BackendFile) throws(RepositoryError) -> [UInt8] {
    try stored.withUnsafeBytes { stored throws(RepositoryError) in try open(stored, file) }
  }

  private func open(_ stored: UnsafeRawBufferPointer, _ file: BackendFile) throws(RepositoryError) -> [UInt8] {
    let opened: [UInt8]
    do throws(CryptoError) {
      opened = try masterKey.open(stored)
    } catch {
      throw .damaged("\(file) is damaged: \(error)")
    }
    guard file != .config, version > 1, let mark = opened.first else { return opened }
    if mark == UInt8(ascii: "{") || mark == UInt8(ascii: "[") { return opened }
    guard mark == Self.compressedMark, opened.count > 1 else {
      throw .damaged("\(file) is damaged: its plaintext is neither JSON nor compressed")
    }
    do throws(CompressionError) {
      return try opened.withUnsafeBufferPointer { bytes throws(CompressionError) in
        let frame = UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes.dropFirst()))
        return try Zstd.decompress(frame, limit: file.type.plaintextByteLimit(storedByteCount: stored.count))
      }
    } catch {
      throw .damaged("\(file) is damaged: \(error)")
    }
  }

  // MARK: Sealing

  /// The stored form of `plaintext` and its name, verified.
  func seal<Kind>(
    _ plaintext: [UInt8], as file: (ID<Kind>) -> BackendFile
  ) throws(RepositoryError) -> (stored: [UInt8], id: ID<Kind>) {
    let stored = masterKey.seal(
      version > 1 ? [Self.compressedMark] + Zstd.compress(plaintext, mode: compression) : plaintext)
    let id: ID<Kind> = SHA256.id(of: stored)
    try verify(stored, file(id), is: plaintext)
    return (stored, id)
  }

  /// Seals and stores the config, which is never compressed and has no id.
  func saveConfig(_ plaintext: [UInt8]) async throws(RepositoryError) {
    let stored = masterKey.seal(plaintext)
    try verify(stored, .config, is: plaintext)
    do throws(BackendError) {
      try await backend.save(.config, stored)
    } catch {
      throw .backend(error)
    }
  }

  /// Reads back the bytes that are about to be stored, as restic does.
  private func verify(_ stored: [UInt8], _ file: BackendFile, is plaintext: [UInt8]) throws(RepositoryError) {
    let opened = try stored.span.bytes.withUnsafeBytes { stored throws(RepositoryError) in try open(stored, file) }
    guard opened == plaintext else {
      throw .damaged(
        "\(file) failed its check before storing: this machine's memory or processor is faulty; nothing was stored")
    }
  }
}
