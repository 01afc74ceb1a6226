import ResticTestSupport
import Testing

@testable import ResticCore

@Suite("Packs without an index file")
struct PendingIndexTests {
  private static func pack(_ slot: Int, blobCount: Int) -> PendingIndex.Pack {
    var random = SplitMix64(seed: UInt64(slot))
    let id = random.bytes(32).withUnsafeBytes { PackID(bytes: $0) }
    let blob = PackBlob(id: random.bytes(32).withUnsafeBytes { BlobID(bytes: $0) }, type: .data, offset: 0, length: 50)
    return PendingIndex.Pack(
      content: IndexFile.Pack(id: id, blobs: [PackBlob](repeating: blob, count: blobCount)), slot: slot)
  }

  @Test("an index file takes whole packs and at most 50,000 blobs, but always one pack")
  func nextFile() {
    var pending = PendingIndex()
    let now = ContinuousClock.now
    for (slot, blobCount) in [20_000, 30_000, 1, 60_000, 1].enumerated() {
      pending.append(Self.pack(slot, blobCount: blobCount), at: now)
    }
    var files: [[Int]] = []
    while !pending.nextFile.isEmpty {
      let slots = pending.nextFile.map(\.slot)
      files.append(slots)
      pending.remove(slots: Set(slots), at: now)
    }
    #expect(files == [[0, 1], [2], [3], [4]])
  }

  @Test("an index file is due with 50,000 blobs or after ten minutes, and not before")
  func due() {
    var pending = PendingIndex()
    let start = ContinuousClock.now
    #expect(!pending.isDue(at: start + .seconds(10_000)), "nothing waits")
    pending.append(Self.pack(0, blobCount: 49_999), at: start)
    #expect(!pending.isDue(at: start + .seconds(599)))
    #expect(pending.isDue(at: start + .seconds(600)))
    pending.append(Self.pack(1, blobCount: 1), at: start)
    #expect(pending.isDue(at: start))
    pending.remove(slots: [0], at: start + .seconds(5))
    #expect(!pending.isDue(at: start + .seconds(604)))
    #expect(pending.isDue(at: start + .seconds(605)))
  }
}
