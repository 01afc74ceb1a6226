extension Repository {
  /// The plaintexts of several blobs, verified, with as few requests as neighbours in packs allow.
  ///
  /// All of them are in memory at the end: the caller bounds how many it asks for. Whatever goes wrong with a group falls
  /// back to `loadBlob`, one blob at a time; its errors are thrown.
  public func loadBlobs(_ ids: [BlobID], type: BlobType) async throws(RepositoryError) -> [BlobID: [UInt8]] {
    let results = ResultTable()
    var items: [ReadGroup.Item] = []
    var others: [BlobID] = []
    for id in Set(ids) {
      let found = directory.withLock { $0.lookUp(BlobKey(id: id, type: type)) }
      if case .stored(let locations) = found, let location = locations.first {
        items.append(ReadGroup.Item(id: id, location: location))
      } else {
        others.append(id)
      }
    }
    for id in others {
      let plaintext = try await loadBlob(id, type: type)
      results.plaintexts.withLock { $0[id] = plaintext }
    }
    try await forEachConcurrently(ReadGroup.plan(items), limit: settings.concurrentLoads) {
      group throws(RepositoryError) in
      let sealed: [UInt8]?
      do throws(BackendError) {
        sealed = try await self.backend.load(.pack(group.pack), range: group.range)
      } catch {
        sealed = nil  // `loadBlob` meets the same error, or another copy.
      }
      for item in group.items {
        let plaintext = try await self.plaintext(of: item, in: sealed, from: group.range.lowerBound, type: type)
        results.plaintexts.withLock { $0[item.id] = plaintext }
      }
    }
    return results.plaintexts.withLock { $0 }
  }

  private func plaintext(
    of item: ReadGroup.Item, in sealed: [UInt8]?, from start: Int, type: BlobType
  ) async throws(RepositoryError) -> [UInt8] {
    if let sealed {
      let range = item.location.range.lowerBound - start..<item.location.range.upperBound - start
      do throws(RepositoryError) {
        return try open(sealed[range], item.location, id: item.id)
      } catch {
        // Another copy may be sound; if there is none `loadBlob` finds the same damage and throws it.
      }
    }
    return try await loadBlob(item.id, type: type)
  }
}

/// Where the tasks of one `loadBlobs` put what they have.
private final class ResultTable: Sendable {
  let plaintexts = Locked<[BlobID: [UInt8]]>([:])
}
