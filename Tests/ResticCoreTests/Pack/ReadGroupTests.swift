import ResticTestSupport
import Testing

@testable import ResticCore

@Suite("Reading neighbours with one request")
struct ReadGroupTests {
  private static func item(_ number: UInt8, pack: UInt8, offset: Int, length: Int) -> ReadGroup.Item {
    ReadGroup.Item(
      id: SHA256.id(of: [number, pack]),
      location: BlobLocation(
        pack: SHA256.id(of: [pack]), offset: UInt32(offset), length: UInt32(length), uncompressedLength: nil))
  }

  @Test("neighbours with a gap of at most 1 MiB share a request; distant blobs and other packs do not")
  func gaps() {
    let mebibyte = 1 << 20
    let items = [
      Self.item(1, pack: 1, offset: 0, length: 100),
      Self.item(2, pack: 1, offset: 100 + mebibyte, length: 100),
      Self.item(3, pack: 1, offset: 200 + 2 * mebibyte + 1, length: 100),
      Self.item(4, pack: 2, offset: 0, length: 100),
    ]
    let groups = ReadGroup.plan(items.shuffled())
    let byPack = groups.filter { $0.pack == items[0].location.pack }
    #expect(byPack.map(\.items) == [[items[0], items[1]], [items[2]]])
    #expect(byPack[0].range == 0..<200 + mebibyte)
    #expect(groups.count == 3)
  }

  @Test("no request is longer than 32 MiB, unless a single blob is")
  func limit() {
    let items = (0..<100).map { Self.item(UInt8($0), pack: 1, offset: $0 << 20, length: 1 << 20) }
    let groups = ReadGroup.plan(items)
    #expect(groups.map(\.items.count) == [32, 32, 32, 4])
    let large = ReadGroup.plan([Self.item(1, pack: 1, offset: 0, length: 40 << 20)])
    #expect(large.map(\.range) == [0..<40 << 20])
    #expect(ReadGroup.plan([]).isEmpty)
  }

  @Test("overlapping copies cover the larger range")
  func overlap() {
    let groups = ReadGroup.plan([
      Self.item(1, pack: 1, offset: 0, length: 1000), Self.item(2, pack: 1, offset: 10, length: 20),
    ])
    #expect(groups.map(\.range) == [0..<1000])
  }

  @Test("loading many blobs takes one request per pack and gives each blob's bytes")
  func loading() async throws {
    let backend = MemoryBackend()
    let repository = try await TestRepository.create(
      on: backend, settings: TestRepository.settings(packByteCount: 1 << 20))
    let uploader = repository.makeUploader()
    var blobs: [BlobID: [UInt8]] = [:]
    for seed in 0..<50 {
      let bytes = TestRepository.noise(3000, seed: UInt64(seed))
      blobs[try await uploader.add(bytes, type: .data)] = bytes
    }
    #expect(try await repository.blobs(Array(blobs.keys)) == blobs, "while they are under way")
    _ = try await uploader.finish(root: try await uploader.add(folder: [:]))

    let counted = FaultBackend(backend)
    let reader = try await TestRepository.open(counted)
    let before = counted.callCount
    #expect(try await reader.blobs(Array(blobs.keys) + Array(blobs.keys)) == blobs)
    #expect(counted.callCount - before == 1)

    // A damaged copy of one blob does not keep the others from being read, and its error names it.
    let pack = try #require(counted.calls.last?.file)
    let sound = try #require(backend[pack])
    var damaged = sound
    damaged[100] ^= 1
    backend[pack] = damaged
    await #expect(throws: RepositoryError.self) { _ = try await reader.blobs(Array(blobs.keys)) }
    backend[pack] = nil
    await #expect(throws: RepositoryError.self) { _ = try await reader.blobs(Array(blobs.keys)) }
  }
}
