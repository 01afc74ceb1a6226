/// The bytes of a pack that is being assembled or uploaded: append-only, so that a blob in it can be read at any time.
///
/// Thread-safe; the lock is a leaf lock, held for the copy of one blob.
final class PackContent: Sendable {
  private let storage: Locked<PooledBytes>

  /// An empty content. Reserves room for `capacity` bytes, which takes memory only as it is filled.
  init(capacity: Int) {
    storage = Locked(PooledBytes(capacity: capacity))
  }

  /// All bytes. The caller must not append anything afterwards.
  var bytes: PooledBytes { storage.withLock { $0 } }

  /// Adds `bytes`, and returns where they are.
  func append(_ bytes: UnsafeRawBufferPointer) -> Range<Int> {
    storage.withLock { storage in
      let start = storage.byteCount
      if start + bytes.count > storage.capacity {
        let larger = PooledBytes(capacity: max(start + bytes.count, 2 * storage.capacity))
        storage.move(from: 0, to: larger)
        storage = larger
      }
      storage.append(bytes)
      return start..<storage.byteCount
    }
  }

  /// A copy of the bytes in `range`.
  func bytes(in range: Range<Int>) -> PooledBytes {
    storage.withLock { storage in
      storage.withUnsafeBytes { PooledBytes(copying: UnsafeRawBufferPointer(rebasing: $0[range])) }
    }
  }
}
