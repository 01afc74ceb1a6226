extension Repository {
  /// The plaintext size in bytes of a blob that is stored or being uploaded; nil if the index does not know the blob.
  public func blobByteCount(_ id: BlobID, type: BlobType) -> Int? {
    directory.withLock { $0.plaintextByteCount(of: BlobKey(id: id, type: type)) }
  }

  /// Whether a blob is stored or being uploaded, as far as the index knows.
  public func contains(_ id: BlobID, type: BlobType) -> Bool {
    directory.withLock { $0.contains(BlobKey(id: id, type: type)) }
  }

  /// Whether a blob is in a pack on the storage, as far as the index knows; false while the blob is only being
  /// uploaded.
  public func isStored(_ id: BlobID, type: BlobType) -> Bool {
    directory.withLock { $0.index.contains(BlobKey(id: id, type: type)) }
  }

  /// The plaintext of a blob, verified against its id.
  ///
  /// Also finds a blob that an uploader has accepted. Tries every stored copy; if there is none, loads the index again,
  /// once, because a prune may have moved the blob. Throws `.missingBlob`, or `.damaged` naming blob and pack.
  public func loadBlob(_ id: BlobID, type: BlobType) async throws(RepositoryError) -> [UInt8] {
    try await loadBlob(id, type: type, from: backend)
  }

  /// As `loadBlob`, from packs on `source`: `backend`, or `storage` to bypass the cache.
  private func loadBlob(
    _ id: BlobID, type: BlobType, from source: any Backend
  ) async throws(RepositoryError) -> [UInt8] {
    let key = BlobKey(id: id, type: type)
    var search = BlobSearch(key: key, source: source)
    let (first, loadCount) = directory.withLock { ($0.lookUp(key), $0.loadCount) }
    if let plaintext = try await load(first, &search) { return plaintext }
    do throws(RepositoryError) {
      try await reloadIndex(since: loadCount)
    } catch .otherRepository(let message) {
      throw .otherRepository(message)
    } catch {
      // Damage in a copy is a better message than the failure to load the index again.
      throw search.damage ?? error
    }
    let second = directory.withLock { $0.lookUp(key) }
    if let plaintext = try await load(second, &search) { return plaintext }
    throw search.failure
  }

  /// The tree in the blob `id`.
  public func loadTree(_ id: BlobID) async throws(RepositoryError) -> Tree {
    if let bytes = await treesAhead.bytes(of: id) { return try Self.tree(bytes, id) }
    return try Self.tree(try await loadBlob(id, type: .tree), id)
  }

  /// The tree in the blob `id`, read from the storage now, rather than from memory or from the cache.
  public func loadStoredTree(_ id: BlobID) async throws(RepositoryError) -> Tree {
    try Self.tree(try await loadBlob(id, type: .tree, from: storage), id)
  }

  private static func tree(_ bytes: [UInt8], _ id: BlobID) throws(RepositoryError) -> Tree {
    do throws(FormatError) {
      return try Tree.decode(bytes)
    } catch {
      throw .damaged("tree \(id.short) is damaged: \(error)")
    }
  }

  /// Begins to load the trees below `tree` that a visitor of `tree` will need, if loading is slow.
  public func prepareTrees(below tree: Tree) {
    if backend.isDistant { treesAhead.begin(tree, depth: 2, in: self) }
  }

  /// Begins to load `trees`, which the caller will need one after the other, if loading is slow.
  public func prepareTrees(_ trees: Set<BlobID>) {
    if backend.isDistant { treesAhead.begin(trees, depth: 1, in: self) }
  }

  /// The plaintext of a blob found, or nil if every copy is damaged or gone; `search` records why.
  private func load(
    _ found: BlobDirectory.Lookup, _ search: inout BlobSearch
  ) async throws(RepositoryError) -> [UInt8]? {
    switch found {
    case .unknown:
      return nil
    case .pending(let content):
      return try open(content, id: search.key.id)
    case .stored(let locations):
      for location in locations where search.isNew(location) {
        do throws(RepositoryError) {
          return try await load(location, search.key, from: search.source)
        } catch .backend(.notFound) {
          search.gonePack = location.pack
        } catch .damaged(let message) {
          search.damage = search.damage ?? .damaged(message)
        }
      }
      return nil
    }
  }

  /// The plaintext of the copy at `location`. If the copy from the cache is bad, the pack is read from the storage.
  private func load(
    _ location: BlobLocation, _ key: BlobKey, from source: any Backend
  ) async throws(RepositoryError) -> [UInt8] {
    do throws(RepositoryError) {
      return try await loadOnce(location, key, from: source)
    } catch .damaged(let message) {
      guard await cache?.forget(.pack(location.pack)) == true else { throw .damaged(message) }
      return try await loadOnce(location, key, from: source)
    }
  }

  private func loadOnce(
    _ location: BlobLocation, _ key: BlobKey, from source: any Backend
  ) async throws(RepositoryError) -> [UInt8] {
    let id = key.id
    let sealed: PooledBytes
    do {
      sealed = try await loadSealed(location, key, from: source)
    } catch BackendError.truncated {
      throw .damaged("blob \(id.short): pack \(location.pack) is too short")
    } catch BackendError.irregular(let file, let kind) {
      throw .damaged("blob \(id.short): \(file) is \(kind) instead of a file")
    } catch let error as BackendError {
      throw .backend(error)
    } catch let error as RepositoryError {
      throw error
    } catch {
      throw .damaged("blob \(id.short) in pack \(location.pack) cannot be opened: \(error)")
    }
    return try open(sealed, 0..<sealed.byteCount, location, id: id)
  }

  /// The sealed bytes at `location`, not opened. Throws a `BackendError`, a `RepositoryError` or a `CryptoError`.
  private func loadSealed(
    _ location: BlobLocation, _ key: BlobKey, from source: any Backend
  ) async throws -> PooledBytes {
    let range = location.range
    guard range.count > ReadGroup.maximumByteCount else {
      return try await source.load(.pack(location.pack, of: key.type), range: range)
    }
    guard range.count <= BlobCoder.sealedByteLimit else {
      throw RepositoryError.damaged("blob \(key.id.short): the index says that it has \(range.count) bytes in its pack")
    }
    // The index states this size; so large a blob is checked against the pack first.
    return try await SealedReading(backend: source, masterKey: unpacked.masterKey)
      .load(.pack(location.pack), range: range)
  }

  /// The plaintext of `range` in `loaded`, which was read from `location`.
  func open(
    _ loaded: PooledBytes, _ range: Range<Int>, _ location: BlobLocation, id: BlobID
  ) throws(RepositoryError) -> [UInt8] {
    try loaded.withUnsafeBytes { bytes throws(RepositoryError) in
      try coder.open(
        UnsafeRawBufferPointer(rebasing: bytes[range]), uncompressedLength: location.uncompressedLength, id: id,
        place: "pack \(location.pack)")
    }
  }

  /// The plaintext of a blob that is being uploaded.
  func open(_ content: PendingBlob.Content, id: BlobID) throws(RepositoryError) -> [UInt8] {
    switch content {
    case .plaintext(let bytes):
      return bytes.array
    case .packed(let pack, let range, let uncompressedLength):
      return try pack.bytes(in: range).withUnsafeBytes { sealed throws(RepositoryError) in
        try coder.open(sealed, uncompressedLength: uncompressedLength, id: id, place: "a pack not yet stored")
      }
    }
  }
}

/// The copies that one `loadBlob` has tried.
private struct BlobSearch {
  let key: BlobKey
  /// Where packs are read.
  let source: any Backend
  /// The first copy that could be loaded but is damaged.
  var damage: RepositoryError?
  /// A pack that no longer exists.
  var gonePack: PackID?
  private var tried: Set<BlobLocation> = []

  init(key: BlobKey, source: any Backend) {
    self.key = key
    self.source = source
  }

  /// Whether `location` has not been tried before.
  mutating func isNew(_ location: BlobLocation) -> Bool {
    tried.insert(location).inserted
  }

  /// The error to throw if no copy could be read.
  var failure: RepositoryError { damage ?? .missingBlob(key.id, pack: gonePack) }
}
