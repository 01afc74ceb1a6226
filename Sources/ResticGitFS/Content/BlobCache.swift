import ResticCore

/// Plaintext blobs in memory, up to a limit of bytes; drops the least recently used ones first (second chance).
///
/// Not thread-safe: `BlobReader` holds it under its lock. A blob larger than the limit is not kept.
struct BlobCache: Sendable {
  private struct Entry {
    var bytes: [UInt8]
    var wasUsed: Bool
  }

  /// The most bytes it keeps.
  private(set) var byteLimit: Int
  /// How many it keeps now.
  private(set) var byteCount = 0
  private var entries: [BlobID: Entry] = [:]
  private var queue: [BlobID] = []
  private var queueStart = 0

  /// An empty cache of at most `byteLimit` bytes.
  init(byteLimit: Int) {
    self.byteLimit = byteLimit
  }

  /// The blob's bytes, if they are cached.
  mutating func bytes(of id: BlobID) -> [UInt8]? {
    guard let index = entries.index(forKey: id) else { return nil }
    entries.values[index].wasUsed = true
    return entries.values[index].bytes
  }

  /// Whether the blob is cached; asking does not count as use.
  func contains(_ id: BlobID) -> Bool { entries[id] != nil }

  /// Keeps at most `byteLimit` bytes from now on.
  mutating func limit(to byteLimit: Int) {
    self.byteLimit = byteLimit
    while byteCount > byteLimit { evictOne() }
  }

  /// Caches `bytes`, and drops others to make room.
  ///
  /// `isAwaited`: the blob was loaded for a reader that has not asked yet. It counts as used, because otherwise used
  /// blobs would push it out.
  mutating func insert(_ bytes: [UInt8], as id: BlobID, isAwaited: Bool = false) {
    guard entries[id] == nil, bytes.count <= byteLimit else { return }
    while byteCount + bytes.count > byteLimit { evictOne() }
    entries[id] = Entry(bytes: bytes, wasUsed: isAwaited)
    queue.append(id)
    byteCount += bytes.count
  }

  /// Drops the oldest entry; an entry that was used since gets a second chance at the end of the queue.
  private mutating func evictOne() {
    while queueStart < queue.count {
      let id = queue[queueStart]
      queueStart += 1
      guard let index = entries.index(forKey: id) else { preconditionFailure("the queue names cached blobs only") }
      if entries.values[index].wasUsed {
        entries.values[index].wasUsed = false
        queue.append(id)
        continue
      }
      byteCount -= entries.values[index].bytes.count
      entries.remove(at: index)
      break
    }
    if queueStart > queue.count / 2 {
      queue.removeFirst(queueStart)
      queueStart = 0
    }
  }
}
