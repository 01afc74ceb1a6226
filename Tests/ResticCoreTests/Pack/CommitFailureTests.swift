import ResticTestSupport
import Testing

@testable import ResticCore

/// A commit here is a few packs, one index file and one snapshot.
@Suite("A commit that fails", .timeLimit(.minutes(30)))
struct CommitFailureTests {
  private static let settings = TestRepository.settings(packByteCount: 20_000)
  private static let old: [Name: [UInt8]] = ["kept": TestRepository.noise(3000, seed: 1), "changed": [1]]
  private static let new: [Name: [UInt8]] = {
    var files = old
    files["changed"] = [2]
    for seed in 10..<30 { files[Name("added \(seed)")] = TestRepository.noise(4000, seed: UInt64(seed)) }
    return files
  }()

  /// A repository with one snapshot, and how many calls the next commit makes.
  private static func prepared() async throws -> (files: [BackendFile: [UInt8]], callCount: Int) {
    let backend = MemoryBackend()
    let repository = try await TestRepository.create(on: backend, settings: settings)
    try await repository.commit(old)
    let files = backend.files
    let counted = FaultBackend(backend)
    try await TestRepository.open(counted, settings: settings).commit(new, seconds: 1)
    return (files, counted.callCount)
  }

  /// Checks that `backend` holds the old snapshot, and perhaps the new one, each whole; says whether the new one.
  private static func holdsNew(_ backend: MemoryBackend) async throws -> Bool {
    let reader = try await TestRepository.open(backend, settings: settings)
    let snapshots = try await reader.snapshots()
    #expect((1...2).contains(snapshots.count))
    #expect(try await reader.files(of: snapshots[0]) == old)
    if snapshots.count == 2 { #expect(try await reader.files(of: snapshots[1]) == new) }
    return snapshots.count == 2
  }

  @Test(
    "a process that dies after any call leaves the old snapshot or the new one, never a mixture",
    arguments: [false, true])
  func death(losingAnswer: Bool) async throws {
    let (files, callCount) = try await Self.prepared()
    var outcomes: Set<Bool> = []
    for count in 0...callCount {
      let backend = MemoryBackend(files: files)
      let dying = FaultBackend.dying(backend, afterCalls: count, losingAnswer: losingAnswer)
      var isCommitted = false
      do {
        try await TestRepository.open(dying, settings: Self.settings).commit(Self.new, seconds: 1)
        isCommitted = true
      } catch is RepositoryError {
        #expect(dying.callCount > count, "there was a reason")
      }
      let holdsNew = try await Self.holdsNew(backend)
      if isCommitted { #expect(holdsNew, "what was reported as saved is there") }
      outcomes.insert(holdsNew)
      // And the next one goes through.
      let next = try await TestRepository.open(backend, settings: Self.settings).commit(Self.new, seconds: 2)
      #expect(try await TestRepository.open(backend).files(of: next) == Self.new)
    }
    #expect(outcomes == [false, true], "both outcomes were seen")
  }

  @Test("after one failed call the same repository commits again, and stores no blob twice", arguments: [false, true])
  func retry(losingAnswer: Bool) async throws {
    let (files, callCount) = try await Self.prepared()
    for number in 1...callCount {
      let backend = MemoryBackend(files: files)
      let fault: FaultBackend.Fault =
        losingAnswer ? .answerLost(FaultBackend.hiccup) : .nothingDone(FaultBackend.hiccup)
      let faulty = FaultBackend.failing(backend, call: number, with: fault)
      guard let repository = try? await TestRepository.open(faulty, settings: Self.settings) else {
        continue  // It was one of the calls that open the repository.
      }
      await #expect(throws: RepositoryError.self) { try await repository.commit(Self.new, seconds: 1) }
      let saved = try await repository.commit(Self.new, seconds: 2)
      #expect(repository.directory.withLock { $0.pending.count } == 0)
      let reader = try await TestRepository.open(backend, settings: Self.settings)
      #expect(try await reader.files(of: saved) == Self.new)

      // Only a pack whose answer was lost cannot be known to be there.
      let lost = losingAnswer && faulty.calls[number - 1].type == .data ? faulty.calls[number - 1].file : nil
      var stored: Set<BlobID> = []
      for (file, bytes) in backend.files where file.type == .data && file != lost {
        for blob in try PackBuilder.decodeHeader(of: bytes, repository.coder.masterKey) {
          #expect(stored.insert(blob.id).inserted, "stored once")
          let packs = reader.directory.withLock { directory in
            directory.index.locations(of: BlobKey(id: blob.id, type: blob.type)).map { BackendFile.pack($0.pack) }
          }
          #expect(packs == [file], "in the index, once")
        }
      }
    }
  }

  @Test("the first error is thrown by every later call of the uploader")
  func owned() async throws {
    let backend = MemoryBackend()
    let faulty = FaultBackend(backend) { call in
      call.operation == .save && call.type == .data ? .nothingDone(.noSpace("full")) : nil
    }
    let repository = try await TestRepository.create(on: faulty, settings: TestRepository.settings(packByteCount: 500))
    let uploader = repository.makeUploader()
    var failed = false
    for seed in 0..<1000 where !failed {
      do {
        _ = try await withTimeLimit {
          try await uploader.add(TestRepository.noise(300, seed: UInt64(seed)), type: .data)
        }
        await Task.yield()
      } catch is RepositoryError {
        failed = true
      }
    }
    #expect(failed)
    for _ in 0..<3 {
      let error = await #expect(throws: RepositoryError.self) { try await uploader.add([1], type: .data) }
      guard case .backend(.noSpace) = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
    }
    await #expect(throws: RepositoryError.self) {
      try await withTimeLimit { try await uploader.finish(root: SHA256.id(of: [1])) }
    }
    #expect(!repository.contains(SHA256.id(of: [1]), type: .data))
    #expect(repository.directory.withLock { $0.pending.count } == 0)
  }

  @Test("packs of a commit that failed at its index file are named by the next commit's")
  func unindexedPacks() async throws {
    let backend = MemoryBackend()
    let faulty = FaultBackend(backend) { call in
      call.operation == .save && call.type == .index && backend[.snapshot(SHA256.id(of: [9]))] == nil
        ? .nothingDone(FaultBackend.hiccup) : nil
    }
    let repository = try await TestRepository.create(on: faulty, settings: Self.settings)
    await #expect(throws: RepositoryError.self) { try await repository.commit(Self.new) }
    let packs = Set(backend.files.keys.filter { $0.type == .data })
    #expect(!packs.isEmpty)
    backend[.snapshot(SHA256.id(of: [9]))] = [9]
    let saved = try await repository.commit(Self.new)
    backend[.snapshot(SHA256.id(of: [9]))] = nil
    #expect(Set(backend.files.keys.filter { $0.type == .data }) == packs, "nothing was uploaded again")
    #expect(try await TestRepository.open(backend).files(of: saved) == Self.new)
  }

  @Test("packs of a failed commit that a prune removed are uploaded again")
  func prunedPacks() async throws {
    let backend = MemoryBackend()
    let faulty = FaultBackend(backend) { call in
      call.operation == .save && call.type == .index && backend[.snapshot(SHA256.id(of: [9]))] == nil
        ? .nothingDone(FaultBackend.hiccup) : nil
    }
    let repository = try await TestRepository.create(on: faulty, settings: Self.settings)
    await #expect(throws: RepositoryError.self) { try await repository.commit(Self.new) }
    let packs = backend.files.keys.filter { $0.type == .data }
    for pack in packs.dropFirst() { backend[pack] = nil }
    backend[.snapshot(SHA256.id(of: [9]))] = [9]
    #expect(try await repository.forgetVanishedPacks() == packs.count - 1)
    #expect(try await repository.forgetVanishedPacks() == 0)
    let saved = try await repository.commit(Self.new)
    backend[.snapshot(SHA256.id(of: [9]))] = nil
    #expect(try await TestRepository.open(backend).files(of: saved) == Self.new)
  }
}
