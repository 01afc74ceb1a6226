import ResticTestSupport
import Synchronization
import Testing

@testable import ResticCore

// R12 Of a file that is too large or not authentic no more than a piece is in memory.
@Suite("Large sealed files")
struct SealedReadingTests {
  private let memory = MemoryBackend()

  /// JSON of an index with leading spaces, larger than the limit for reading it as a whole.
  private static let largeJSON =
    [UInt8](repeating: UInt8(ascii: " "), count: BackendFileType.index.wholeByteLimit) + Array(#"{"packs":[]}"#.utf8)

  @Test("a large index file is read in pieces, and then as a whole if it is authentic")
  func largeIndex() async throws {
    let repository = try await TestRepository.create(on: memory, version: 1)
    let stored = repository.unpacked.masterKey.seal(Self.largeJSON)
    let file = BackendFile.index(SHA256.id(of: stored))
    memory[file] = stored
    let measured = MeasuringBackend(memory)
    let reader = try await TestRepository.open(measured)
    #expect(reader.directory.withLock { $0.index.files.map(\.hex) } == [file.name])
    #expect(measured.largest(file) == stored.count && measured.count(file) > 4)
  }

  @Test("a large index file with a wrong hash or MAC is read in pieces only, and its damage is remembered")
  func damagedIndex() async throws {
    let repository = try await TestRepository.create(on: memory, version: 1)
    let stored = repository.unpacked.masterKey.seal(Self.largeJSON)
    var changed = stored
    changed[stored.count / 2] ^= 1
    for name in [SHA256.id(of: stored, as: IndexID.self), SHA256.id(of: changed)] {
      let file = BackendFile.index(name)
      memory[file] = changed
      let measured = MeasuringBackend(memory)
      let reader = try await Repository.open(
        on: measured, password: TestRepository.password, settings: TestRepository.settings())
      for _ in 0..<3 {
        let error = await #expect(throws: RepositoryError.self) { try await reader.loadIndex() }
        let message = "\(try #require(error))"
        #expect(message.contains("\(file) is damaged") && message.contains("restic repair index"))
      }
      #expect(measured.largest(file) <= SealedReading.pieceByteCount)
      let once = measured.count(file)
      await #expect(throws: RepositoryError.self) { try await reader.loadIndex(rereadsDamaged: true) }
      #expect(measured.count(file) > once)
      memory[file] = nil
    }
  }

  @Test("a file that is too large for an index is not read at all")
  func tooLarge() async throws {
    _ = try await TestRepository.create(on: memory)
    let file = try #require(BackendFile(type: .index, name: String(repeating: "a", count: 64)))
    memory[file] = [1]
    let measured = MeasuringBackend(memory, byteCount: BackendFileType.index.byteLimit + 1)
    let reader = try await Repository.open(
      on: measured, password: TestRepository.password, settings: TestRepository.settings())
    let error = await #expect(throws: RepositoryError.self) { try await reader.loadIndex() }
    #expect("\(try #require(error))".contains("\(file) is damaged: it has"))
    #expect(measured.count(file) == 0)
  }

  @Test("a blob that is large according to an index is checked in pieces first, and never read beyond a gibibyte")
  func largeBlobs() async throws {
    let repository = try await TestRepository.create(on: memory)
    let pack = PackID(words: (1, 2, 3, 4))
    let length = ReadGroup.maximumByteCount + 1
    memory[.pack(pack)] = [UInt8](repeating: 0, count: length)
    let lies: [(UInt32, UInt32?)] = [(UInt32(length), nil), (UInt32(length), 1 << 20), (UInt32.max, nil), (3 << 30, 5)]
    var blobs: [PackBlob] = []
    for (number, lie) in lies.enumerated() {
      blobs.append(
        PackBlob(
          id: BlobID(words: (UInt64(number), 0, 0, 0)), type: .data, offset: 0, length: lie.0,
          uncompressedLength: lie.1))
    }
    _ = try await repository.save(IndexFile(packs: [IndexFile.Pack(id: pack, blobs: blobs)]))
    let measured = MeasuringBackend(memory)
    let reader = try await TestRepository.open(measured)
    for blob in blobs {
      for alone in [true, false] {
        let error = await #expect(throws: RepositoryError.self) {
          if alone { _ = try await reader.loadBlob(blob.id, type: .data) }
          try await reader.loadBlobs([blob.id], type: .data) { _, _ in }
        }
        guard case .damaged = error else {
          Issue.record("\(String(describing: error))")
          continue
        }
      }
    }
    #expect(measured.largest(.pack(pack)) <= SealedReading.pieceByteCount)
  }

  @Test("an authentic large blob is read")
  func authenticBlob() async throws {
    let repository = try await TestRepository.create(on: memory)
    let plaintext = TestRepository.noise(ReadGroup.maximumByteCount, seed: 3)
    let uploader = repository.makeUploader()
    let id = try await uploader.add(plaintext, type: .data)
    let root = try await uploader.add(
      Tree(nodes: [Node(name: "a", type: .file, mode: 0o644, size: UInt64(plaintext.count), links: 1, content: [id])])
        .encode(),
      type: .tree)
    _ = try await uploader.finish(root: root)
    let reader = try await TestRepository.open(memory)
    #expect(try await reader.loadBlob(id, type: .data).count == plaintext.count)
    let count = Mutex(0)
    try await reader.loadBlobs([id], type: .data) { _, bytes in count.withLock { $0 += bytes.count } }
    #expect(count.withLock { $0 } == plaintext.count)
  }
}

/// Notes how much of which file is loaded at a time.
private final class MeasuringBackend: BackendWrapper {
  let base: any Backend
  /// The size of index files in listings, if it is not the true one.
  private let byteCount: Int?
  private let loads = Mutex<[BackendFile: [Int]]>([:])

  init(_ base: any Backend, byteCount: Int? = nil) {
    self.base = base
    self.byteCount = byteCount
  }

  /// The most bytes of `file` that were loaded at a time.
  func largest(_ file: BackendFile) -> Int { loads.withLock { $0[file]?.max() ?? 0 } }

  /// How often something of `file` was loaded.
  func count(_ file: BackendFile) -> Int { loads.withLock { $0[file]?.count ?? 0 } }

  func load(_ file: BackendFile, range: Range<Int>?) async throws(BackendError) -> PooledBytes {
    let bytes = try await base.load(file, range: range)
    loads.withLock { $0[file, default: []].append(bytes.byteCount) }
    return bytes
  }

  func list(_ type: BackendFileType) async throws(BackendError) -> [BackendEntry] {
    let entries = try await base.list(type)
    guard let byteCount, type == .index else { return entries }
    return entries.map { BackendEntry(file: $0.file, byteCount: byteCount) }
  }
}
