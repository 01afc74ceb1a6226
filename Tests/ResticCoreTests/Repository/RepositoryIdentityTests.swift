import ResticTestSupport
import Testing

@testable import ResticCore

// R10 The repository is the one that was opened.
@Suite("Another repository, or a newer format, in place of the opened repository")
struct RepositoryIdentityTests {
  private static let old: [Name: [UInt8]] = ["old": Array("old".utf8)]
  private static let new: [Name: [UInt8]] = ["new": Array("new".utf8), "more": [UInt8](repeating: 7, count: 200_000)]

  /// The message of a call that failed because another repository is there; otherwise nil.
  private static func refusal(_ call: () async throws -> Void) async -> String? {
    do {
      try await call()
      return nil
    } catch RepositoryError.otherRepository(let message) {
      return message
    } catch {
      Issue.record("\(error)")
      return nil
    }
  }

  /// A repository with a snapshot, an index, packs and a lock.
  private static func foreign(isEmpty: Bool) async throws -> [BackendFile: [UInt8]] {
    let backend = MemoryBackend()
    let repository = try await TestRepository.create(on: backend)
    if !isEmpty {
      try await repository.commit(["theirs": Array("theirs".utf8)])
      _ = try await RepositoryLock.acquire(on: repository)
    }
    return backend.files
  }

  @Test(
    "nothing is written to another repository, and nothing of it is kept; work goes on when the opened one is back",
    arguments: [true, false], [true, false])
  func otherRepository(isEmpty: Bool, isDistant: Bool) async throws {
    let backend = MemoryBackend(isDistant: isDistant)
    let repository = try await TestRepository.create(on: backend)
    let saved = try await repository.commit(Self.old)
    let lock = try await RepositoryLock.acquire(on: repository)
    let uploader = repository.makeUploader()
    let unindexed = repository.makeUploader()
    _ = try await unindexed.add([1, 2, 3], type: .data)
    try await unindexed.flush()
    let ours = backend.files
    let theirs = try await Self.foreign(isEmpty: isEmpty)
    backend.replaceFiles(by: theirs)

    let own = String(repository.config.id.prefix(10))
    let calls: [@Sendable () async throws -> Void] = [
      { try await repository.confirmIdentity() },
      { _ = try await RepositoryLock.acquire(on: repository) },
      { _ = try await CommitLock.acquire(on: repository, retryFor: .zero) },
      { _ = try await uploader.finish(root: try await uploader.add(folder: Self.new)) },
      { _ = try await repository.commit(Self.new) },
      { try await repository.loadIndex() },
      { _ = try await repository.forgetVanishedPacks() },
      { try await lock.release() },
    ]
    for (number, call) in calls.enumerated() {
      repository.lastLook.withLock { $0 = nil }  // as after `lookLifetime`
      let message = await Self.refusal(call)
      #expect(message?.contains(own) == true && message?.contains("does not open") == true, "call \(number)")
      #expect(backend.files == theirs, "call \(number)")
    }
    if !isEmpty { #expect(await Self.refusal { _ = try await repository.snapshots() } != nil) }
    // Packs cannot be read, which does not count as damage.
    #expect(await Self.refusal { _ = try await repository.loadTree(saved.snapshot.tree) } != nil)

    backend.replaceFiles(by: ours)
    #expect(try await repository.snapshots().map(\.id) == [saved.id])
    #expect(try await repository.files(of: saved) == Self.old)
    let again = try await RepositoryLock.acquire(on: repository)
    let next = try await repository.commit(Self.new, seconds: 1)
    try await again.release()
    #expect(try await backend.list(.lock).isEmpty, "the lock that could not be removed is removed")
    let reader = try await TestRepository.open(backend)
    #expect(try await reader.files(of: next) == Self.new)
    #expect(try await reader.loadBlob(SHA256.id(of: [1, 2, 3] as [UInt8]), type: .data) == [1, 2, 3])
  }

  @Test("on a network one look at the config serves all files of a commit; on a disk there is one look per file")
  func looks() async throws {
    for isDistant in [true, false] {
      let counted = FaultBackend(MemoryBackend(isDistant: isDistant))
      let repository = try await TestRepository.create(on: counted)
      let start = ContinuousClock.now
      // On a machine that takes longer than a look counts, there are more.
      var isSlow: Bool { start.duration(to: .now) >= Repository.lookLifetime }
      let looks = { counted.calls.count { $0.operation == .load && $0.file == .config } }
      try await repository.commit(Self.new)
      let stores = counted.calls.count { $0.operation == .save && ![.config, .key].contains($0.type) }
      #expect(stores >= 4)
      #expect(looks() == (isDistant ? 1 : stores) || isSlow)
      repository.lastLook.withLock { $0 = .now - Repository.lookLifetime }
      try await repository.commit(Self.old, seconds: 1)
      #expect(isDistant ? looks() == 2 || isSlow : looks() > stores)
    }
  }

  @Test("simultaneous stores share one look")
  func sharedLook() async throws {
    let counted = FaultBackend(DistantBackend(MemoryBackend()))
    let repository = try await TestRepository.create(on: counted)
    let start = ContinuousClock.now
    repository.anticipateStoring()
    async let first = repository.requireIdentity()
    async let second = repository.requireIdentity()
    _ = try await (first, second)
    let isSlow = start.duration(to: .now) >= Repository.lookLifetime
    #expect(counted.calls.count { $0.operation == .load && $0.file == .config } == 1 || isSlow)
  }

  @Test("another repository with the same key is recognised by its id, and the error names both")
  func otherID() async throws {
    let backend = MemoryBackend()
    let repository = try await TestRepository.create(on: backend)
    var config = repository.config
    config.id = String(repeating: "ab", count: 32)
    backend[.config] = repository.masterKey.seal(config.encode())
    let message = await Self.refusal { _ = try await repository.commit(Self.new) }
    #expect(message?.contains("abababab") == true)
    #expect(message?.contains(repository.config.id.prefix(10)) == true)
    #expect(backend.files.keys.allSatisfy { $0.type == .config || $0.type == .key })
  }

  @Test("nothing is written if the config is missing, damaged, or has an older or unknown version")
  func unusableConfig() async throws {
    let backend = MemoryBackend()
    let repository = try await TestRepository.create(on: backend)
    let before = try #require(backend[.config])
    func config(version: Int) -> [UInt8] {
      var config = repository.config
      config.version = version
      return repository.masterKey.seal(config.encode())
    }
    let cases: [([UInt8]?, String)] = [
      (nil, "missing"), ([], "damaged"), (before.dropLast() + [before[before.count - 1] ^ 1], "damaged"),
      (config(version: 1), "damaged"), (config(version: 3), "version"),
    ]
    for (bytes, expected) in cases {
      backend[.config] = bytes
      let files = backend.files
      let found: String
      do {
        _ = try await repository.commit(Self.new)
        found = "saved"
      } catch RepositoryError.backend(.missing) {
        found = "missing"
      } catch RepositoryError.damaged {
        found = "damaged"
      } catch RepositoryError.unsupportedVersion {
        found = "version"
      }
      #expect(found == expected)
      #expect(backend.files == files)
    }
    backend[.config] = before
    let saved = try await repository.commit(Self.new)
    #expect(try await TestRepository.open(backend).files(of: saved) == Self.new)
  }

  @Test("after a migration to version 2 reads, writes and commits under way go on")
  func migration() async throws {
    let backend = MemoryBackend()
    let repository = try await TestRepository.create(on: backend, version: 1)
    try await repository.commit(Self.old)
    let begun = repository.makeUploader()
    _ = try await begun.add([UInt8](repeating: 1, count: 100_000), type: .data)
    var config = repository.config
    config.version = 2
    backend[.config] = repository.masterKey.seal(config.encode())
    let other = try await TestRepository.open(backend)
    let theirs = try await other.commit(Self.new, seconds: 1)
    let theirLock = try await RepositoryLock.acquire(on: other)

    #expect(try await repository.snapshots().last?.id == theirs.id)
    try await repository.loadIndex()
    #expect(repository.config.version == 2)
    #expect(try await repository.files(of: theirs) == Self.new)
    let lock = try await RepositoryLock.acquire(on: repository)
    let root = try await begun.add(folder: ["both": [UInt8](repeating: 1, count: 100_000)])
    let tree = try await begun.finish(root: root)
    let saved = try await repository.saveSnapshot(
      Snapshot(time: Timestamp(seconds: 1_800_000_000, nanoseconds: 0), tree: root, paths: ["/test"]), of: tree)
    try await lock.release()
    try await theirLock.release()
    let reader = try await TestRepository.open(backend)
    #expect(try await reader.files(of: saved) == ["both": [UInt8](repeating: 1, count: 100_000)])
    #expect(try await reader.files(of: theirs) == Self.new)
  }

  @Test(
    "every kind of file in the newer format is read on the first try", arguments: ["lock", "snapshot", "index"])
  func firstMeeting(kind: String) async throws {
    let backend = MemoryBackend()
    let repository = try await TestRepository.create(on: backend, version: 1)
    var config = repository.config
    config.version = 2
    backend[.config] = repository.masterKey.seal(config.encode())
    let other = try await TestRepository.open(backend)
    switch kind {
    case "lock":
      _ = try await RepositoryLock.acquire(on: other, exclusive: true)
      await #expect(throws: RepositoryError.self) { try await RepositoryLock.acquire(on: repository) }
    case "snapshot":
      let saved = try await other.commit(Self.new)
      #expect(try await repository.snapshot(saved.id) == saved.snapshot)
    default:
      let saved = try await other.commit(Self.new)
      #expect(try await repository.files(of: saved) == Self.new)
    }
    #expect(repository.config.version == 2)
  }
}

extension MemoryBackend {
  /// Puts `files` in the place of all that is there.
  fileprivate func replaceFiles(by files: [BackendFile: [UInt8]]) {
    for file in self.files.keys where files[file] == nil { self[file] = nil }
    for (file, bytes) in files { self[file] = bytes }
  }
}
