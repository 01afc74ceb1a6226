import ResticTestSupport
import Testing

@testable import ResticCore

@Suite("Building packs")
struct PackBuilderTests {
  private let coder = BlobCoder(masterKey: .random(), version: 2, compression: .auto, verifiesWrites: true)

  private func blob(_ seed: UInt64, _ byteCount: Int = 1000, type: BlobType = .data) throws -> SealedBlob {
    let bytes = TestRepository.noise(byteCount, seed: seed)
    return try coder.seal(PooledBytes(copying: bytes), id: SHA256.id(of: bytes), type: type)
  }

  @Test(
    "a pack consists of its blobs, the sealed header and the header's length, and is named by its hash",
    arguments: [0, 1, 2, 50])
  func layout(blobCount: Int) throws {
    var builder = PackBuilder(type: .data)
    let blobs = try (0..<blobCount).map { try blob(UInt64($0), 100 + $0) }
    for blob in blobs { builder.append(blob) }
    let pack = try builder.finish(coder.masterKey)
    let bytes = pack.bytes.array
    #expect(pack.id == SHA256.id(of: bytes))
    #expect(Array(bytes.prefix(builder.byteCount)) == blobs.flatMap(\.bytes.array))
    let headerByteCount = bytes.count - builder.byteCount - 4
    #expect(headerByteCount == blobCount * PackHeader.compressedEntryByteCount + MasterKey.overhead)
    let length = bytes.suffix(4).enumerated().reduce(0) { $0 | Int($1.element) << ($1.offset * 8) }
    #expect(length == headerByteCount)
    #expect(try PackBuilder.decodeHeader(of: bytes, coder.masterKey) == pack.blobs)
    for (entry, blob) in zip(pack.blobs, blobs) {
      #expect(entry.id == blob.id)
      let stored = bytes[Int(entry.offset)..<Int(entry.offset) + Int(entry.length)]
      #expect(Array(stored) == blob.bytes.array)
    }
  }

  @Test("every truncation and every flipped bit of a header is found")
  func damagedHeader() throws {
    var builder = PackBuilder(type: .tree)
    for seed in 0..<3 { builder.append(try blob(UInt64(seed), 10, type: .tree)) }
    let pack = try builder.finish(coder.masterKey)
    let header = Array(pack.bytes.array.dropFirst(builder.byteCount))
    for count in 0..<header.count {
      #expect(throws: RepositoryError.self) {
        try PackBuilder.decodeHeader(of: Array(header.prefix(count)), coder.masterKey)
      }
    }
    for position in header.indices {
      var flipped = header
      flipped[position] ^= 0x40
      #expect(throws: RepositoryError.self) { try PackBuilder.decodeHeader(of: flipped, coder.masterKey) }
    }
  }

  // R9.
  @Test("a pack whose header a faulty processor encrypts wrongly is refused")
  func wrongEncryption() async throws {
    var building = PackBuilder(type: .data)
    for seed in 8_201..<8_204 { building.append(try blob(UInt64(seed))) }
    let builder = building
    await CipherFault.encryptingWrongly(PackHeader.encode(builder.blobs)) {
      #expect(throws: RepositoryError.self) { try builder.finish(coder.masterKey) }
    }
  }

  @Test("two packs merge if both fit into one, and otherwise stay unchanged")
  func merging() throws {
    var first = PackBuilder(type: .data)
    var second = PackBuilder(type: .data)
    first.append(try blob(1))
    second.append(try blob(2))
    var merged = first
    let isTooMuch = !merged.merge(second, target: first.byteCount + second.byteCount)
    #expect(isTooMuch)
    #expect(merged.blobs.count == 1)
    let fits = merged.merge(second, target: first.byteCount + second.byteCount + 1)
    #expect(fits)
    #expect(merged.blobs.map(\.id) == [first.blobs[0].id, second.blobs[0].id])
    #expect(merged.byteCount == first.byteCount + second.byteCount)
  }

  @Test("open packs never mix types, spread blobs over two packs per type, and give a large blob a pack of its own")
  func openPacks() throws {
    var packs = OpenPacks()
    for seed in 0..<200 as Range<UInt64> {
      let placement = packs.append(try blob(seed, 100, type: seed % 4 == 0 ? .tree : .data), target: 1 << 20)
      #expect(placement.full == nil)
    }
    let large = packs.append(try blob(99, 5000), target: 5000)
    #expect(large.full?.blobs.count == 1)
    // With so small a target the two packs of each type do not merge.
    let closed = packs.takeAll(target: 1)
    #expect(
      closed.map(\.type) == [.data, .data, .tree, .tree])
    #expect(closed.reduce(0) { $0 + $1.blobs.count } == 200)
    let rest = packs.takeAll(target: 1)
    #expect(rest.isEmpty)
  }
}
