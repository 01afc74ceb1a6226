import ResticCore

/// Plaintext blobs in memory, within a budget of bytes; the least recently used go first (second chance).
///
/// Not thread-safe: `BlobReader` holds it under its lock. A blob larger than the budget isn't kept.
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

  /// The blob's bytes, if they are here.
  mutating func bytes(of id: BlobID) -> [UInt8]? {
    guard let index = entries.index(forKey: id) else { return nil }
    entries.values[index].wasUsed = true
    return entries.values[index].bytes
  }

  /// Whether the blob is here; asking doesn't count as use.
  func contains(_ id: BlobID) -> Bool { entries[id] != nil }

  /// Keeps at most `byteLimit` bytes from now on.
  mutating func limit(to byteLimit: Int) {
    self.byteLimit = byteLimit
    while byteCount > byteLimit { evictOne() }
  }

  /// Keeps `bytes`, and drops others to make room.
  ///
  /// One that nobody has asked for yet `isAwaited`: it counts as used, or those used before would push it out.
  mutating func insert(_ bytes: [UInt8], as id: BlobID, isAwaited: Bool = false) {
    guard entries[id] == nil, bytes.count <= byteLimit else { return }
    while byteCount + bytes.count > byteLimit { evictOne() }
    entries[id] = Entry(bytes: bytes, wasUsed: isAwaited)
    queue.append(id)
    byteCount += bytes.count
  }

  /// Drops the entry that came first, but gives one that was used since a second chance at the end of the queue.
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
