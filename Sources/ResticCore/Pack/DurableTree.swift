/// A tree that is stored with all its packs and index files: the only thing of which a snapshot can be saved.
///
/// Only `Uploader.finish` makes one, which keeps the order packs → index → snapshot.
public struct DurableTree: Hashable, Sendable {
  /// The root tree.
  public let id: BlobID

  fileprivate init(id: BlobID) {
    self.id = id
  }
}

extension Uploader {
  /// Makes everything that was added durable: first all packs, then index files that name them. Call it once, after the
  /// last `add` has returned.
  ///
  /// `root` is the tree of the future snapshot. Packs that an earlier, failed uploader left without an index file are
  /// named as well.
  public func finish(root: BlobID) async throws(RepositoryError) -> DurableTree {
    let reliedOn = state.withLock { state in
      if case .adding = state.phase { state.phase = .finishing }
      return state.reliedOn
    }
    do throws(RepositoryError) {
      for key in reliedOn {
        for flight in repository.directory.withLock({ $0.flights(of: key) }) { await flight.value }
        try adopt(key)
      }
      try closePacks()
    } catch {
      // `fail` keeps the error, and the next line throws it when the uploads have ended.
    }
    try await waitForPacks()
    do throws(RepositoryError) {
      try await repository.saveIndexFiles(onlyIfDue: false)
    } catch {
      fail(error)
      throw error
    }
    let key = BlobKey(id: root, type: .tree)
    guard repository.directory.withLock({ $0.index.contains(key) }) else { throw .missingBlob(root) }
    state.withLock { $0.phase = .finished }
    return DurableTree(id: root)
  }

  /// Stores the content of open packs now, instead of when they are full, and waits until it is stored. For callers
  /// that cannot keep what they added until more arrives.
  public func flush() async throws(RepositoryError) {
    try closePacks()
    try await waitForPacks()
  }

  private func closePacks() throws(RepositoryError) {
    let target = repository.settings.packByteCount
    for pack in state.withLock({ $0.packers.takeAll(target: target) }) {
      state.withLock { $0.packsInFlight += 1 }
      try upload(pack)
    }
  }

  /// Stores a blob that another uploader had accepted, unless that uploader has stored it meanwhile.
  private func adopt(_ key: BlobKey) throws(RepositoryError) {
    let content = repository.directory.withLock { $0.adopt(key, by: id) }
    switch content {
    case nil:
      break
    case .plaintext(let bytes):
      try store(bytes, key)
    case .packed(let pack, let range, let uncompressedLength):
      let blob = SealedBlob(
        id: key.id, type: key.type, bytes: pack.bytes(in: range), uncompressedLength: uncompressedLength)
      try append(blob, plaintextByteCount: blob.plaintextByteCount)
    }
  }
}
