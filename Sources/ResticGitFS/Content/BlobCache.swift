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
  let byteLimit: Int
  /// How many it keeps now.
  private(set) var byteCount = 0
  private var entries: [BlobID: Entry] = [:]
  private var ring: [BlobID] = []
  private var hand = 0

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

  /// Keeps `bytes`, and drops others to make room.
  mutating func insert(_ bytes: [UInt8], as id: BlobID) {
    guard entries[id] == nil, bytes.count <= byteLimit else { return }
    while byteCount + bytes.count > byteLimit { evictOne() }
    entries[id] = Entry(bytes: bytes, wasUsed: false)
    ring.append(id)
    byteCount += bytes.count
  }

  /// Moves the hand on to an entry that was not used since it last came by, and drops that.
  private mutating func evictOne() {
    while !ring.isEmpty {
      if hand >= ring.count { hand = 0 }
      let id = ring[hand]
      guard let index = entries.index(forKey: id) else { preconditionFailure("the ring names cached blobs only") }
      if entries.values[index].wasUsed {
        entries.values[index].wasUsed = false
        hand += 1
        continue
      }
      byteCount -= entries.values[index].bytes.count
      entries.remove(at: index)
      let moved = ring.removeLast()
      if hand < ring.count {
        ring[hand] = moved
      }
      return
    }
  }
}
