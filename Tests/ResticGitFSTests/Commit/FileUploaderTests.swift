import ResticCore
import ResticTestSupport
import Testing

@testable import ResticGitFS

@Suite("FileUploader")
struct FileUploaderTests {
  /// The cuts that a chunker makes which reads everything from the start.
  private static func plainCuts(_ bytes: [UInt8], _ chunker: Chunker) -> [Int] {
    var cuts: [Int] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      let cut = rest.withUnsafeBytes { chunker.firstCut(in: $0) } ?? rest.count
      cuts.append(cut)
      rest = rest.dropFirst(cut)
    }
    return cuts
  }

  @Test(
    "after any writes the cuts are those of the whole file read anew, and unchanged chunks are not read",
    arguments: 0..<6)
  func recutting(seed: UInt64) async throws {
    var random = SplitMix64(seed: seed)
    let repository = try await TestMount.makeRepository()
    let reader = BlobReader(repository: repository, cacheByteLimit: 64 << 20)
    var bytes = random.bytes(Int.random(in: 1...12_000_000, using: &random))
    var extents = ExtentMap()
    bytes.withUnsafeBytes { extents.write($0, at: 0) }
    for round in 0..<4 {
      let uploader = repository.makeUploader()
      let files = FileUploader(
        uploader: uploader, pending: PendingChunks(), reader: reader,
        progress: CommitProgress(fileCount: 1, byteCount: 0))
      let chunks = try await files.store(extents, of: 1)
      #expect(
        chunks.map { Int($0.byteCount) } == Self.plainCuts(bytes, repository.chunker), "seed \(seed), round \(round)")
      if round > 0 {
        #expect(
          uploader.statistics.data.addedBlobCount < chunks.count || chunks.count < 8, "seed \(seed), round \(round)")
      }
      let root = try await uploader.add(Tree(nodes: []).encode(), type: .tree)
      _ = try await uploader.finish(root: root)
      extents = ExtentMap(chunks: chunks)
      #expect(
        try await reader.bytes(of: extents.slices(in: 0..<extents.byteCount)) == bytes[...],
        "seed \(seed), round \(round)")

      switch Int.random(in: 0..<4, using: &random) {
      case 0:
        let patch = random.bytes(12)
        let offset = Int.random(in: 0...max(0, bytes.count - 12), using: &random)
        bytes.replaceSubrange(offset..<min(bytes.count, offset + 12), with: patch)
        patch.withUnsafeBytes { extents.write($0, at: UInt64(offset)) }
      case 1:
        let tail = random.bytes(Int.random(in: 1...2_000_000, using: &random))
        tail.withUnsafeBytes { extents.write($0, at: UInt64(bytes.count)) }
        bytes += tail
      case 2:
        let count = Int.random(in: 0...bytes.count, using: &random)
        bytes.removeSubrange(count...)
        extents.truncate(to: UInt64(count))
      default:
        let hole = Int.random(in: 0...bytes.count, using: &random)
        let end = min(bytes.count, hole + 1_500_000)
        for index in hole..<end { bytes[index] = 0 }
        extents.punch(UInt64(hole)..<UInt64(end))
      }
    }
  }

  @Test(
    "what is on its way is not read and hashed again, unless it is overwritten or another file's", arguments: [1, 2])
  func pending(inode: InodeNumber) async throws {
    var random = SplitMix64(seed: 11)
    let repository = try await TestMount.makeRepository()
    var bytes = random.bytes(24_000_000)
    var extents = ExtentMap()
    bytes.withUnsafeBytes { extents.write($0, at: 0) }
    let uploader = repository.makeUploader()
    func files(_ pending: PendingChunks) -> FileUploader {
      FileUploader(
        uploader: uploader, pending: pending, reader: BlobReader(repository: repository, cacheByteLimit: 0),
        progress: CommitProgress(fileCount: 1, byteCount: 0))
    }
    var pending = PendingChunks()
    var offset: UInt64 = 0
    for chunk in try await files(pending).store(extents, of: 1) {
      let slices = extents.slices(in: offset..<offset + UInt64(chunk.byteCount))
      pending.insert(PendingChunks.Chunk(inode: 1, offset: offset, chunk: chunk, slices: slices))
      offset += UInt64(chunk.byteCount)
    }

    let patch = random.bytes(100)
    bytes.replaceSubrange(5_000_000..<5_000_100, with: patch)
    patch.withUnsafeBytes { extents.write($0, at: 5_000_000) }
    let chunks = try await files(pending).store(extents, of: inode)

    #expect(chunks.map { Int($0.byteCount) } == Self.plainCuts(bytes, repository.chunker))
    // The chunk of the patch, or two, where they had been one.
    let fresh = uploader.statistics.data.knownBlobCount
    #expect(inode == 1 ? fresh == 0 : fresh > 0, "\(fresh) chunks hashed though they were known")
    let root = try await uploader.add(Tree(nodes: []).encode(), type: .tree)
    _ = try await uploader.finish(root: root)
    let stored = ExtentMap(chunks: chunks)
    #expect(
      try await files(PendingChunks()).reader.bytes(of: stored.slices(in: 0..<stored.byteCount)) == bytes[...])
  }

  @Test("a file of zeros has the cuts of zeros")
  func zeros() async throws {
    let repository = try await TestMount.makeRepository()
    var extents = ExtentMap()
    extents.truncate(to: 20_000_001)
    let uploader = repository.makeUploader()
    let files = FileUploader(
      uploader: uploader, pending: PendingChunks(), reader: BlobReader(repository: repository, cacheByteLimit: 0),
      progress: CommitProgress(fileCount: 1, byteCount: 0))
    let chunks = try await files.store(extents, of: 1)
    #expect(
      chunks.map { Int($0.byteCount) } == Self.plainCuts([UInt8](repeating: 0, count: 20_000_001), repository.chunker))
  }
}
