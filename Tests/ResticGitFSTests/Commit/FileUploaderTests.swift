import ResticCore
import ResticTestSupport
import Testing

@testable import ResticGitFS

@Suite("FileUploader", .timeLimit(.minutes(30)))
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
    "after any writes the chunks are those of the whole file, and unchanged chunks are not read",
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
        try await reader.bytes(of: extents.slices(in: 0..<extents.byteCount)).fingerprint == bytes.fingerprint,
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
    "chunks on their way are not read and hashed again, unless they are overwritten or belong to another file",
    arguments: [1, 2])
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
      try await files(PendingChunks()).reader.bytes(of: stored.slices(in: 0..<stored.byteCount)).fingerprint
        == bytes.fingerprint)
  }

  /// The fate of a pack before the commit that relies on it.
  enum PackLoss: CaseIterable {
    /// The pack could not be saved.
    case failed
    /// The pack was there, and a prune that no lock prevented has removed it.
    case pruned
  }

  @Test(
    "a chunk whose pack is lost before the commit is stored again", arguments: PackLoss.allCases)
  func lostPack(loss: PackLoss) async throws {
    let storage = MemoryBackend()
    let isBroken = Switch()
    let backend = FaultBackend(storage) { call in
      guard isBroken.isOn, call.operation == .save else { return nil }
      return call.type == (loss == .failed ? .data : .index) ? .nothingDone(FaultBackend.hiccup) : nil
    }
    let repository = try await TestMount.makeRepository(on: backend)
    isBroken.isOn = true
    var random = SplitMix64(seed: 12)
    let bytes = random.bytes(3_000_000)
    var extents = ExtentMap()
    bytes.withUnsafeBytes { extents.write($0, at: 0) }
    func files(_ uploader: Uploader, _ pending: PendingChunks) -> FileUploader {
      FileUploader(
        uploader: uploader, pending: pending, reader: BlobReader(repository: repository, cacheByteLimit: 0),
        progress: CommitProgress(fileCount: 1, byteCount: 0))
    }
    var pending = PendingChunks()
    let first = repository.makeUploader()
    var offset: UInt64 = 0
    for chunk in try await files(first, pending).store(extents, of: 1) {
      let slices = extents.slices(in: offset..<offset + UInt64(chunk.byteCount))
      pending.insert(PendingChunks.Chunk(inode: 1, offset: offset, chunk: chunk, slices: slices))
      offset += UInt64(chunk.byteCount)
    }
    let empty = try await first.add(Tree(nodes: []).encode(), type: .tree)
    await #expect(throws: RepositoryError.self) { try await first.finish(root: empty) }
    isBroken.isOn = false
    storage.forgetAndPruneEverything()
    try await repository.forgetVanishedPacks()

    let second = repository.makeUploader()
    let chunks = try await files(second, pending).store(extents, of: 1)
    _ = try await second.finish(root: second.add(Tree(nodes: []).encode(), type: .tree))
    let reopened = BlobReader(repository: try await TestMount.openRepository(on: storage), cacheByteLimit: 0)
    let stored = ExtentMap(chunks: chunks)
    let read = try await reopened.bytes(of: stored.slices(in: 0..<stored.byteCount))
    #expect(read.fingerprint == bytes.fingerprint)
  }

  @Test("a file with a pruned chunk is not stored: the error names the chunk")
  func prunedChunk() async throws {
    var random = SplitMix64(seed: 13)
    let bytes = random.bytes(12_000_000)
    let storage = MemoryBackend()
    let repository = try await TestMount.makeRepository(on: storage)
    func files() -> FileUploader {
      FileUploader(
        uploader: repository.makeUploader(), pending: PendingChunks(),
        reader: BlobReader(repository: repository, cacheByteLimit: 0),
        progress: CommitProgress(fileCount: 1, byteCount: 0))
    }
    var extents = ExtentMap()
    bytes.withUnsafeBytes { extents.write($0, at: 0) }
    let first = files()
    let chunks = try await first.store(extents, of: 1)
    _ = try await first.uploader.finish(root: first.uploader.add(Tree(nodes: []).encode(), type: .tree))
    #expect(chunks.count > 3)
    // The others are there, so that only a look at this one tells.
    let gone = StoredChunk(id: SHA256.id(of: [1]), byteCount: chunks[0].byteCount, endsAtCut: true)
    let content = ExtentMap(chunks: [gone] + chunks.dropFirst())
    let error = await #expect(throws: RepositoryError.self) { try await files().store(content, of: 1) }
    guard case .missingBlob(gone.id, _)? = error else {
      Issue.record("the error does not name the chunk: \(String(describing: error))")
      return
    }
  }

  @Test("a file of zeros is cut like zeros")
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
