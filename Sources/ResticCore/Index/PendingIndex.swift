/// Packs that are durable but that no durable index file names yet.
///
/// They belong to the repository, not to the uploader that wrote them: a commit that fails after its packs were stored
/// leaves them here, and the next commit's index files name them. If the process ends first, nothing is lost that was
/// reported as saved, because no snapshot refers to them.
struct PendingIndex {
  /// A pack and its slot in the `CompactIndex`.
  struct Pack {
    let content: IndexFile.Pack
    var slot: Int
  }

  /// The most blobs in an index file, unless one pack alone has more.
  /// Source: restic, indexMaxBlobs.
  static let fullBlobCount = 50_000
  /// The longest time that a pack waits for its index file while more packs arrive.
  /// Source: restic, indexMaxAge.
  static let maximumAge = Duration.seconds(600)

  private(set) var packs: [Pack] = []
  private var blobCount = 0
  /// When the oldest pack arrived.
  private var oldest: ContinuousClock.Instant?

  /// Whether an index file should be written now, although more packs are to come.
  func isDue(at now: ContinuousClock.Instant) -> Bool {
    guard let oldest else { return false }
    return blobCount >= Self.fullBlobCount || now - oldest >= Self.maximumAge
  }

  mutating func append(_ pack: Pack, at now: ContinuousClock.Instant) {
    packs.append(pack)
    blobCount += pack.content.blobs.count
    oldest = oldest ?? now
  }

  /// The packs that the next index file should name, in order of arrival; empty if there are none.
  var nextFile: [Pack] {
    var batch: [Pack] = []
    var count = 0
    for pack in packs {
      if !batch.isEmpty, count + pack.content.blobs.count > Self.fullBlobCount { break }
      batch.append(pack)
      count += pack.content.blobs.count
    }
    return batch
  }

  /// Removes the packs in `slots`: an index file names them now, or they are gone.
  mutating func remove(slots: Set<Int>, at now: ContinuousClock.Instant) {
    packs.removeAll { slots.contains($0.slot) }
    blobCount = packs.reduce(0) { $0 + $1.content.blobs.count }
    oldest = packs.isEmpty ? nil : now
  }

  /// Follows the `CompactIndex` after it has closed its gaps: `newSlots` holds the new number of each old slot.
  mutating func renumber(_ newSlots: [Int]) {
    for index in packs.indices { packs[index].slot = newSlots[packs[index].slot] }
  }
}
