public import ResticCore

extension Repository {
  /// All that `loadBlobs` delivers of some data blobs.
  public func blobs(_ ids: [BlobID]) async throws -> [BlobID: [UInt8]] {
    let delivered = Delivered()
    try await loadBlobs(ids, type: .data) { id, bytes in delivered.blobs.withLock { $0[id] = bytes } }
    return delivered.blobs.withLock { $0 }
  }
}

private final class Delivered: Sendable {
  let blobs = Locked<[BlobID: [UInt8]]>([:])
}
