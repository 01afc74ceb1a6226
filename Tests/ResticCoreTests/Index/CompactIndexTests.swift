import ResticTestSupport
import Testing

@testable import ResticCore

@Suite("The compact index")
struct CompactIndexTests {
  private static func id<Kind>(_ random: inout SplitMix64, as type: ID<Kind>.Type = ID<Kind>.self) -> ID<Kind> {
    random.bytes(32).withUnsafeBytes { ID(bytes: $0) }
  }

  private static func pack(_ random: inout SplitMix64, blobCount: Int, type: BlobType = .data) -> IndexFile.Pack {
    var offset: UInt32 = 0
    let blobs = (0..<blobCount).map { _ in
      let length = UInt32.random(in: 33...5000, using: &random)
      defer { offset += length }
      return PackBlob(
        id: id(&random), type: type, offset: offset, length: length,
        uncompressedLength: Bool.random(using: &random) ? length * 2 : nil)
    }
    return IndexFile.Pack(id: id(&random), blobs: blobs)
  }

  @Test("every blob is found with its data, and no other blob is")
  func lookup() {
    var random = SplitMix64(seed: 1)
    let index = Subject()
    let packs = (0..<300).map { Self.pack(&random, blobCount: 1 + $0 % 40, type: $0 % 2 == 0 ? .data : .tree) }
    index.insert(file: Self.id(&random), packs: packs)
    for pack in packs {
      for blob in pack.blobs {
        let key = BlobKey(id: blob.id, type: blob.type)
        let expected = BlobLocation(
          pack: pack.id, offset: blob.offset, length: blob.length, uncompressedLength: blob.uncompressedLength)
        #expect(index.locations(of: key) == [expected])
        #expect(index.plaintextByteCount(of: key) == blob.plaintextLength)
        let other = BlobKey(id: blob.id, type: blob.type == .data ? .tree : .data)
        #expect(!index.contains(other), "data and trees are separate name spaces")
      }
    }
    let unknown = BlobKey(id: Self.id(&random), type: .data)
    #expect(!index.contains(unknown))
    #expect(index.locations(of: unknown).isEmpty)
  }

  @Test("an empty index answers every question")
  func empty() {
    var random = SplitMix64(seed: 2)
    let index = Subject()
    let key = BlobKey(id: Self.id(&random), type: .tree)
    #expect(!index.contains(key))
    #expect(index.plaintextByteCount(of: key) == nil)
    #expect(index.forget(files: [Self.id(&random)]).isEmpty)
  }

  @Test("a blob in several packs is found in all of them, and each place once")
  func duplicates() {
    var random = SplitMix64(seed: 3)
    let index = Subject()
    let blob = PackBlob(id: Self.id(&random), type: .data, offset: 0, length: 100)
    let packs = (0..<5).map { _ in IndexFile.Pack(id: Self.id(&random), blobs: [blob]) }
    let first: IndexID = Self.id(&random)
    let second: IndexID = Self.id(&random)
    index.insert(file: first, packs: packs)
    index.insert(file: second, packs: [packs[0]])
    let key = BlobKey(id: blob.id, type: .data)
    #expect(Set(index.locations(of: key).map(\.pack)) == Set(packs.map(\.id)))
    #expect(index.locations(of: key).count == 5)

    _ = index.forget(files: [first])
    #expect(index.locations(of: key).map(\.pack) == [packs[0].id], "the second file names this pack still")
    _ = index.forget(files: [second])
    #expect(!index.contains(key))
    #expect(index.count == 0)
  }

  @Test("packs without an index file survive the removal of files, and their new slots are returned")
  func unnamedPacks() {
    var random = SplitMix64(seed: 4)
    let index = Subject()
    let file: IndexID = Self.id(&random)
    let named = (0..<3).map { _ in Self.pack(&random, blobCount: 4) }
    let first = Self.pack(&random, blobCount: 2)
    let second = Self.pack(&random, blobCount: 2)
    let firstSlot = index.insert(first)
    index.insert(file: file, packs: named)
    let secondSlot = index.insert(second)
    let slots = index.forget(files: [file])
    #expect(index.count == 4)
    #expect(index.locations(of: BlobKey(id: second.blobs[1].id, type: .data)).first?.pack == second.id)

    let laterFile: IndexID = Self.id(&random)
    index.assign(slots: [slots[secondSlot]], to: laterFile)
    _ = index.forget(files: [laterFile])
    #expect(index.contains(BlobKey(id: first.blobs[0].id, type: .data)))
    #expect(!index.contains(BlobKey(id: second.blobs[0].id, type: .data)))
    _ = index.forget(slots: [slots[firstSlot]])
    #expect(index.count == 0)
  }

  @Test("random insertions and removals agree with a dictionary")
  func model() {
    var random = SplitMix64(seed: 5)
    let index = Subject()
    var model: [IndexID: [IndexFile.Pack]] = [:]
    var seen: [BlobKey] = []
    for _ in 0..<120 {
      if model.count > 6, Int.random(in: 0..<3, using: &random) == 0 {
        let gone = model.keys.sorted().shuffled(using: &random).prefix(2)
        for file in gone { model[file] = nil }
        _ = index.forget(files: Set(gone))
      } else {
        var packs = (0..<5).map { _ in Self.pack(&random, blobCount: Int.random(in: 0...60, using: &random)) }
        if let other = model.keys.min(), let shared = model[other]?.first { packs.append(shared) }
        let file: IndexID = Self.id(&random)
        model[file] = packs
        index.insert(file: file, packs: packs)
        seen += packs.flatMap(\.blobs).prefix(20).map { BlobKey(id: $0.id, type: $0.type) }
      }
      #expect(index.count == model.values.reduce(0) { $0 + $1.reduce(0) { $0 + $1.blobs.count } })
      #expect(index.files == Set(model.keys))
    }
    for key in seen {
      let expected = Set(
        model.values.joined().filter { $0.blobs.contains { $0.id == key.id && $0.type == key.type } }.map(\.id))
      #expect(Set(index.locations(of: key).map(\.pack)) == expected)
    }
  }

  @Test("the index allocates at most 62 bytes per blob, however full the table is")
  func compactness() {
    var random = SplitMix64(seed: 6)
    let index = Subject()
    var worst = 0.0
    for number in 0..<30_000 {
      let first = random.next()
      // Ten blobs a pack: cheap ids that are as good as random ones.
      let blobs = (0..<10).map { blob in
        var words = (first &+ UInt64(blob) &* 0x9E37_79B9_7F4A_7C15, random.next(), UInt64(0), UInt64(0))
        let id = withUnsafeBytes(of: &words) { BlobID(bytes: $0) }
        return PackBlob(id: id, type: .data, offset: 0, length: 100)
      }
      index.insert(IndexFile.Pack(id: Self.id(&random), blobs: blobs))
      if number > 15_000, number % 100 == 0 {
        worst = max(worst, Double(index.byteCount) / Double(index.count))
      }
    }
    #expect(worst <= 62, "\(worst) bytes a blob")
    #expect(worst > 48, "less than the entries alone cannot be")
  }
}

/// The index in a class: the testing macros want something that can be copied.
private final class Subject {
  private var index = CompactIndex()

  var count: Int { index.count }
  var files: Set<IndexID> { index.files }
  var byteCount: Int { index.byteCount }

  func insert(file: IndexID, packs: [IndexFile.Pack]) { index.insert(file: file, packs: packs) }
  @discardableResult func insert(_ pack: IndexFile.Pack) -> Int { index.insert(pack) }
  func assign(slots: [Int], to file: IndexID) { index.assign(slots: slots, to: file) }
  func contains(_ key: BlobKey) -> Bool { index.contains(key) }
  func plaintextByteCount(of key: BlobKey) -> Int? { index.plaintextByteCount(of: key) }
  func locations(of key: BlobKey) -> [BlobLocation] { index.locations(of: key) }
  func forget(files: Set<IndexID> = [], slots: [Int] = []) -> [Int] { index.forget(files: files, slots: slots) }
}
