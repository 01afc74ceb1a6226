extension Repository {
  /// Loads several blobs with as few requests as their places in packs allow, and passes each verified plaintext to
  /// `deliver` as soon as it has arrived, in any order and from any task.
  ///
  /// The caller limits how much it requests at a time. If anything goes wrong with a group, its blobs are loaded with
  /// `loadBlob`, one at a time; the first error is thrown after everything that had begun has ended.
  public func loadBlobs(
    _ ids: [BlobID], type: BlobType, _ deliver: @escaping @Sendable (BlobID, [UInt8]) -> Void
  ) async throws(RepositoryError) {
    var items: [ReadGroup.Item] = []
    for id in Set(ids) {
      let found = directory.withLock { $0.lookUp(BlobKey(id: id, type: type)) }
      if case .stored(let locations) = found, let location = locations.first {
        items.append(ReadGroup.Item(id: id, location: location))
      } else {
        deliver(id, try await loadBlob(id, type: type))
      }
    }
    try await forEachConcurrently(ReadGroup.plan(items), limit: settings.concurrentLoads) {
      group throws(RepositoryError) in
      var sealed: PooledBytes?
      // A larger blob is left to `loadBlob`, which reads it in pieces.
      if group.range.count <= ReadGroup.maximumByteCount {
        do throws(BackendError) {
          sealed = try await self.backend.load(.pack(group.pack, of: type), range: group.range)
        } catch {
          // The backend has already waited for a storage that does not answer. For other errors, `loadBlob` meets the
          // same error or finds another copy.
          if error.isRetryable { throw .backend(error) }
        }
      }
      for item in group.items {
        deliver(item.id, try await self.plaintext(of: item, in: sealed, from: group.range.lowerBound, type: type))
      }
    }
  }

  private func plaintext(
    of item: ReadGroup.Item, in sealed: PooledBytes?, from start: Int, type: BlobType
  ) async throws(RepositoryError) -> [UInt8] {
    if let sealed {
      let range = item.location.range.lowerBound - start..<item.location.range.upperBound - start
      do throws(RepositoryError) {
        return try open(sealed, range, item.location, id: item.id)
      } catch {
        // Another copy may be sound; if there is none, `loadBlob` finds the same damage and throws it.
      }
    }
    return try await loadBlob(item.id, type: type)
  }
}
