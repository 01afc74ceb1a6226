/// Reads large sealed bytes twice: first piece by piece, to check that they are sealed, and only then as a whole. So a
/// file of gigabytes that was not sealed with the repository's key costs time but no memory.
///
/// One at a time in the process: if a file is swapped between the two readings, it takes memory once, up to the limits
/// of `BackendFileType`.
struct SealedReading: Sendable {
  /// Sealed bytes up to this many are read at once.
  static let pieceByteCount = 4 << 20

  let backend: any Backend
  let masterKey: MasterKey

  private static let gate = AsyncGate()

  /// The sealed bytes of `file` in `range`. Throws `CryptoError.wrongMAC` if they are not sealed, and a `BackendError`.
  func load(_ file: BackendFile, range: Range<Int>) async throws -> PooledBytes {
    try await Self.gate.pass { () async throws -> PooledBytes in
      guard try await isAuthentic(file, range, { _ in }) else { throw CryptoError.wrongMAC }
      return try await backend.load(file, range: range)
    }
  }

  /// All of `file`, which has `byteCount` bytes and is named for their hash. Nil if the hash is another; throws
  /// `CryptoError.wrongMAC` if the bytes are not sealed, and a `BackendError`.
  func loadNamed(_ file: BackendFile, byteCount: Int) async throws -> PooledBytes? {
    try await Self.gate.pass { () async throws -> PooledBytes? in
      let hasher = StreamHasher(.sha256)
      let isAuthentic = try await isAuthentic(file, 0..<byteCount) { hasher.update($0) }
      let hash: ID<Never> = hasher.finish().withUnsafeBytes { ID(bytes: $0) }
      guard hash.hex == file.name else { return nil }
      guard isAuthentic else { throw CryptoError.wrongMAC }
      let stored = try await backend.load(file, range: 0..<byteCount)
      let id: ID<Never> = stored.withUnsafeBytes { SHA256.id(of: $0) }
      return id.hex == file.name ? stored : nil
    }
  }

  /// Whether `range` of `file` is sealed; `observe` gets all bytes, in order.
  private func isAuthentic(
    _ file: BackendFile, _ range: Range<Int>, _ observe: (UnsafeRawBufferPointer) -> Void
  ) async throws(BackendError) -> Bool {
    precondition(range.count >= MasterKey.overhead, "too little for what is large")
    let iv = try await backend.load(file, range: range.prefix(MasterKey.ivByteCount))
    iv.withUnsafeBytes(observe)
    let verification = iv.withUnsafeBytes { iv in
      iv.baseAddress.map { MasterKey.Verification(masterKey, iv: $0) }
    }
    var position = range.lowerBound + MasterKey.ivByteCount
    let end = range.upperBound - Poly1305AES.byteCount
    while position < end {
      let next = min(end, position + Self.pieceByteCount)
      try await backend.load(file, range: position..<next).withUnsafeBytes { piece in
        observe(piece)
        verification?.update(piece)
      }
      position = next
    }
    return try await backend.load(file, range: end..<range.upperBound).withUnsafeBytes { mac in
      observe(mac)
      guard let mac = mac.baseAddress else { return false }
      return verification?.isAuthentic(mac: mac) ?? false
    }
  }
}
