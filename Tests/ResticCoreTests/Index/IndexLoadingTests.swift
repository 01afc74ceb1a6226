import ResticTestSupport
import Testing

@testable import ResticCore

@Suite("Loading the index")
struct IndexLoadingTests {
  @Test("blobs of another client are known after a reload of the index")
  func otherClients() async throws {
    let backend = MemoryBackend()
    let first = try await TestRepository.create(on: backend)
    let second = try await TestRepository.open(backend)
    let saved = try await first.commit(["a": [1, 2, 3]])
    #expect(!second.contains(saved.snapshot.tree, type: .tree))
    try await second.loadIndex()
    #expect(second.contains(saved.snapshot.tree, type: .tree))
    #expect(try await second.files(of: saved) == ["a": [1, 2, 3]])
  }

  @Test("an unknown blob, or a vanished pack, causes one reload of the index")
  func reload() async throws {
    let backend = MemoryBackend()
    let first = try await TestRepository.create(on: backend)
    let counted = FaultBackend(backend)
    let second = try await TestRepository.open(counted)
    let saved = try await first.commit(["a": [1, 2, 3]])
    #expect(try await second.files(of: saved) == ["a": [1, 2, 3]])
    let unknown = SHA256.id(of: [9], as: BlobID.self)
    let listed = counted.calls.count { $0.operation == .list && $0.type == .index }
    await #expect(throws: RepositoryError.self) { try await second.loadBlob(unknown, type: .data) }
    #expect(counted.calls.count { $0.operation == .list && $0.type == .index } == listed + 1)
  }

  @Test("a blob that a prune moved into another pack is still found")
  func prune() async throws {
    let backend = MemoryBackend()
    let first = try await TestRepository.create(on: backend)
    let saved = try await first.commit(["a": [1, 2, 3]])
    let reader = try await TestRepository.open(backend)
    let old = backend.files.keys.filter { $0.type == .data || $0.type == .index }
    // A prune: the same blobs in new packs and a new index, the old files gone.
    let pruner = try await Repository.open(on: backend, password: TestRepository.password)
    try await pruner.commit(["a": [1, 2, 3]])
    for file in old { try await backend.remove(file) }

    #expect(try await reader.files(of: saved) == ["a": [1, 2, 3]])
    #expect(reader.directory.withLock { $0.index.files.count } == 1, "the old file's entries are forgotten")
  }

  @Test("index files that vanish while they are loaded are no error")
  func vanishing() async throws {
    let backend = MemoryBackend()
    let first = try await TestRepository.create(on: backend)
    try await first.commit(["a": [1, 2, 3]])
    let gone = try #require(backend.files.keys.first { $0.type == .index })
    let saved = try await first.commit(["b": [4, 5, 6]])
    let racing = FaultBackend(backend) { call in
      guard call.operation == .load, call.file == gone, backend[gone] != nil else { return nil }
      backend[gone] = nil
      return nil
    }
    let second = try await TestRepository.open(racing)
    #expect(try await second.files(of: saved) == ["b": [4, 5, 6]])
  }

  @Test("a damaged index file is an error that names it, and the other files are loaded")
  func damage() async throws {
    let backend = MemoryBackend()
    let repository = try await TestRepository.create(on: backend)
    try await repository.commit(["a": [1, 2, 3]])
    let file = try #require(backend.files.keys.first { $0.type == .index })
    let sound = try #require(backend[file])
    for damaged in Damage.all(of: sound) {
      backend[file] = damaged
      let reader = try await Repository.open(
        on: backend, password: TestRepository.password, settings: TestRepository.settings())
      let error = await #expect(throws: RepositoryError.self) { try await reader.loadIndex() }
      guard case .damaged(let message) = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
      #expect(message.contains(file.name))
    }
    backend[file] = nil
    backend[.index(SHA256.id(of: sound))] = sound
  }

  @Test("a repository of version 1 whose index lists compressed blobs is refused")
  func compressedInVersionOne() async throws {
    let backend = MemoryBackend()
    let repository = try await TestRepository.create(on: backend, version: 1)
    let blob = PackBlob(
      id: SHA256.id(of: [1]), type: .data, offset: 0, length: 40, uncompressedLength: 100)
    let file = IndexFile(packs: [IndexFile.Pack(id: SHA256.id(of: [2]), blobs: [blob])])
    let id = try await repository.unpacked.save(file.encode(), as: BackendFile.index)
    let error = await #expect(throws: RepositoryError.self) { try await repository.loadIndex() }
    #expect("\(try #require(error))".contains(id.hex))
  }

  @Test("a full index file is saved during an upload, and no pack is named twice")
  func savingWhenFull() async throws {
    let backend = MemoryBackend()
    let repository = try await TestRepository.create(on: backend)
    func store(_ number: UInt8, blobCount: Int) {
      let blob = PackBlob(id: SHA256.id(of: [number]), type: .data, offset: 0, length: 40)
      let pack = IndexFile.Pack(
        id: SHA256.id(of: [number, 1]), blobs: [PackBlob](repeating: blob, count: blobCount))
      repository.directory.withLock { $0.store(pack, at: .now) }
    }
    func savedPacks() async throws -> [Int] {
      var counts: [Int] = []
      for file in backend.files.keys where file.type == .index {
        counts.append(try IndexFile.decode(try await repository.unpacked.load(file)).packs.count)
      }
      return counts.sorted()
    }
    store(1, blobCount: 30_000)
    try await repository.saveIndexFiles(onlyIfDue: true)
    #expect(try await savedPacks() == [])
    store(2, blobCount: 20_000)
    store(3, blobCount: 1)
    try await repository.saveIndexFiles(onlyIfDue: true)
    #expect(try await savedPacks() == [2], "50,000 blobs; the third pack waits")
    try await repository.saveIndexFiles(onlyIfDue: false)
    try await repository.saveIndexFiles(onlyIfDue: false)
    #expect(try await savedPacks() == [1, 2])
    // Our own index files are known: loading them brings nothing twice.
    try await repository.loadIndex()
    #expect(repository.directory.withLock { $0.index.count } == 50_001)
  }

  @Test("many readers that miss a blob at once share one reload of the index")
  func coalescedReload() async throws {
    let backend = MemoryBackend()
    _ = try await TestRepository.create(on: backend)
    let counted = FaultBackend(backend)
    let repository = try await TestRepository.open(counted)
    let before = repository.directory.withLock { $0.loadCount }
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<20 {
        group.addTask { try? await repository.reloadIndex(since: before) }  // A failure shows in the count below.
      }
    }
    #expect(repository.directory.withLock { $0.loadCount } == before + 1)
  }
}
