/// What is read in the first rounds of requests of an opening, and used once the key is there.
extension Repository {
  /// Loads what is new in the index, and `root` at the same time where index files that were read early know that tree.
  ///
  /// Returns nil where they do not, or the tree cannot be read: whoever needs it asks again, and hears why.
  public func loadIndex(with root: BlobID?) async throws(RepositoryError) -> Tree? {
    await loadEarlyIndexFiles()
    async let tree = earlyTree(root)
    try await loadIndex()
    let early = await tree
    // The index file that named it may be gone by now, and the tree with it.
    guard let root, contains(root, type: .tree) else { return nil }
    return early
  }

  /// Lets go of what the opening has read early and nobody has used.
  public func endOpening() {
    openingReads.withLock { $0 = nil }
  }

  private func earlyTree(_ id: BlobID?) async -> Tree? {
    guard let id, contains(id, type: .tree) else { return nil }
    do throws(RepositoryError) {
      return try await loadTree(id)
    } catch {
      return nil  // Asked for again under the index as it is now.
    }
  }

  /// Takes over index files that were read early. Whichever of them the next listing lacks is forgotten again.
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

  /// The bytes of `file` as they are stored, if the opening has read them. The cache gets what it would have kept.
  func takeEarly(_ file: BackendFile) async -> PooledBytes? {
    guard let bytes = await openingReads.withLock({ $0 })?.take(file) else { return nil }
    await (backend as? CachingBackend)?.keep(file, bytes)
    return bytes
  }
}
