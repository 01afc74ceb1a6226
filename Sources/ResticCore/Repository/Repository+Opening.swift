/// Files that are read in the first rounds of requests of an opening, and used once the key is known.
extension Repository {
  /// Loads what is new in the index, and at the same time `root`, if index files that were read early list that tree.
  ///
  /// Returns nil if they do not, or if the tree cannot be read: code that needs the tree loads it again, and gets the
  /// error.
  public func loadIndex(with root: BlobID?) async throws(RepositoryError) -> Tree? {
    await loadEarlyIndexFiles()
    async let tree = earlyTree(root)
    try await loadIndex()
    let early = await tree
    // The index file that named the tree may be gone by now, and the tree with it.
    guard let root, contains(root, type: .tree) else { return nil }
    return early
  }

  /// Drops files that the opening has read early and nobody has used.
  public func endOpening() {
    openingReads.withLock { $0 = nil }
  }

  private func earlyTree(_ id: BlobID?) async -> Tree? {
    guard let id, contains(id, type: .tree) else { return nil }
    do throws(RepositoryError) {
      return try await loadTree(id)
    } catch {
      return nil  // Loaded again with the current index.
    }
  }

  /// Adopts index files that were read early. A file that the next list lacks is forgotten again.
  private func loadEarlyIndexFiles() async {
    guard let reads = openingReads.withLock({ $0 }) else { return }
    await indexGate.pass { () async in
      let known = directory.withLock { $0.index.files }
      for entry in await reads.files(of: .index) {
        guard let id = IndexID(hex: entry.file.name), !known.contains(id) else { continue }
        do throws(RepositoryError) {
          try await loadIndexFile(id)
        } catch {
          continue  // Read again once it is listed again.
        }
      }
    }
  }

  /// The stored bytes of `file`, if the opening has read them. The cache gets the file as if it had been loaded
  /// normally.
  func takeEarly(_ file: BackendFile) async -> PooledBytes? {
    guard let bytes = await openingReads.withLock({ $0 })?.take(file) else { return nil }
    await (backend as? CachingBackend)?.keep(file, bytes)
    return bytes
  }
}
