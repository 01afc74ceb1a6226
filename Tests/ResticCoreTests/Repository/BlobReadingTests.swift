import ResticTestSupport
import Testing

@testable import ResticCore

@Suite("Reading blobs")
struct BlobReadingTests {
  @Test("a damaged, short or missing pack is an error that names blob and pack")
  func damage() async throws {
    let backend = MemoryBackend()
    let repository = try await TestRepository.create(on: backend)
    let bytes = TestRepository.noise(400, seed: 1)
    let saved = try await repository.commit(["a": bytes])
    let id: BlobID = SHA256.id(of: bytes)
    let location = repository.directory.withLock { $0.index.locations(of: BlobKey(id: id, type: .data)) }
    let file = BackendFile.pack(try #require(location.first?.pack))
    let sound = try #require(backend[file])
    let stored = try #require(location.first?.range)
    for damaged in Damage.all(of: sound) {
      backend[file] = damaged
      let reader = try await TestRepository.open(backend)
      if damaged.count >= stored.upperBound, damaged[stored] == sound[stored] {
        #expect(try await reader.loadBlob(id, type: .data) == bytes, "the damage is elsewhere")
        continue
      }
      let error = await #expect(throws: RepositoryError.self) { try await reader.loadBlob(id, type: .data) }
      #expect("\(try #require(error))".contains(file.name))
      #expect("\(try #require(error))".contains(id.short))
    }
    backend[file] = nil
    let error = await #expect(throws: RepositoryError.self) {
      try await TestRepository.open(backend).loadBlob(id, type: .data)
    }
    #expect("\(try #require(error))".contains(file.name))
    #expect("\(try #require(error))".contains(id.hex))
    await #expect(throws: Never.self) { try await TestRepository.open(backend).loadTree(saved.snapshot.tree) }
  }

  @Test("another copy of a blob is read if one is damaged or gone")
  func copies() async throws {
    let backend = MemoryBackend()
    let bytes = TestRepository.noise(400, seed: 1)
    let saved = try await TestRepository.create(on: backend).commit(["a": bytes])
    // Another client that has not loaded the index stores everything a second time.
    try await Repository.open(on: backend, password: TestRepository.password, settings: TestRepository.settings())
      .commit(["a": bytes])
    let packs = backend.files.keys.filter { $0.type == .data }
    #expect(packs.count == 4)
    for pack in packs {
      let sound = try #require(backend[pack])
      for damaged in [nil, [], Array(sound.dropLast(sound.count - 20)), sound.map { $0 ^ 1 }] as [[UInt8]?] {
        backend[pack] = damaged
        #expect(try await TestRepository.open(backend).files(of: saved) == ["a": bytes])
      }
      backend[pack] = sound
    }
  }

  @Test("a blob is looked up by its type: a tree is not found as data")
  func types() async throws {
    let repository = try await TestRepository.create()
    let saved = try await repository.commit(["a": [1]])
    #expect(repository.contains(saved.snapshot.tree, type: .tree))
    #expect(!repository.contains(saved.snapshot.tree, type: .data))
    await #expect(throws: RepositoryError.self) { try await repository.loadBlob(saved.snapshot.tree, type: .data) }
  }

  @Test("an invalid tree blob is an error that names it")
  func noTree() async throws {
    let repository = try await TestRepository.create()
    let uploader = repository.makeUploader()
    let id = try await uploader.add(Array("{\"nodes\":[{]}".utf8), type: .tree)
    _ = try await uploader.finish(root: id)
    let error = await #expect(throws: RepositoryError.self) { try await repository.loadTree(id) }
    #expect("\(try #require(error))".contains(id.short))
  }

  @Test("an error of the storage is passed on, and does not count as damage")
  func storageErrors() async throws {
    let backend = MemoryBackend()
    let saved = try await TestRepository.create(on: backend).commit(["a": [1]])
    let faulty = FaultBackend(backend) { call in
      call.operation == .load && call.type == .data ? .nothingDone(FaultBackend.hiccup) : nil
    }
    let reader = try await TestRepository.open(faulty)
    let error = await #expect(throws: RepositoryError.self) { try await reader.loadTree(saved.snapshot.tree) }
    guard case .backend(.unavailable) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }
}
