import Foundation
import Glibc
import Logging
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

// K1, K2, K3 A file that was read once is not loaded again, and never trusted unchecked.
@Suite("CachingBackend", .timeLimit(.minutes(30)))
struct CachingBackendTests {
  private let test: CacheTestFolder
  private let memory = MemoryBackend()

  init() throws { test = try CacheTestFolder() }

  /// A backend that counts, a repository on it, and its files in the cache.
  private func open(
    _ settings: Repository.Settings? = nil
  ) async throws -> (repository: Repository, calls: FaultBackend) {
    let calls = FaultBackend(memory)
    let repository = try await TestRepository.open(calls, settings: settings ?? test.settings())
    _ = try await repository.snapshotList()
    return (repository, calls)
  }

  private func create() async throws -> (Repository, SavedSnapshot) {
    let repository = try await TestRepository.create(on: memory, settings: test.settings())
    try await repository.commit(["a": TestRepository.noise(3000, seed: 1)], seconds: 1)
    return (repository, try await repository.commit(["b": TestRepository.noise(3000, seed: 2)], seconds: 2))
  }

  private func loads(_ calls: FaultBackend, _ type: BackendFileType) -> Int {
    calls.calls.count { $0.operation == .load && $0.type == type }
  }

  private func caching(_ base: any Backend) throws -> CachingBackend {
    let id: ID<Never> = SHA256.id(of: [1])
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    return CachingBackend(
      base, cache: try #require(RepositoryCache(CachePlace(folder: test.base), repositoryID: id.hex, logger: logger)))
  }

  @Test("CachingBackend keeps every rule of Backend")
  func conformance() async throws {
    #expect(await BackendConformance(try caching(MemoryBackend())).violations() == [])
  }

  @Test("CachingBackend keeps every rule of Backend where there can be no cache")
  func conformanceWithout() async throws {
    try CacheTestFolder.makeFolder(test.base.removingLastComponent())
    try CacheTestFolder.write([], to: test.base)
    #expect(await BackendConformance(try caching(MemoryBackend())).violations() == [])
  }

  @Test("an index file, snapshot or tree that was read or saved once is not loaded again; data is")
  func warm() async throws {
    let (_, saved) = try await create()
    try FileManager.default.removeItem(atPath: test.base.string)
    for isWarm in [false, true, true] {
      let (repository, calls) = try await open()
      #expect(try await repository.files(of: saved)["b"] == TestRepository.noise(3000, seed: 2))
      #expect(loads(calls, .index) == (isWarm ? 0 : 2) && loads(calls, .snapshot) == (isWarm ? 0 : 2))
      #expect(loads(calls, .data) == (isWarm ? 1 : 2))
    }
    // Saved files are there at once.
    let (writer, _) = try await open()
    let next = try await writer.commit(["c": TestRepository.noise(3000, seed: 3)], seconds: 3)
    let (reader, calls) = try await open()
    #expect(try await reader.files(of: next)["c"] == TestRepository.noise(3000, seed: 3))
    #expect(loads(calls, .index) == 0 && loads(calls, .snapshot) == 0 && loads(calls, .data) == 1)
  }

  @Test("the cache never holds keys, config, locks and data; its files are identical to the storage's")
  func content() async throws {
    let (repository, _) = try await create()
    let lock = try await RepositoryLock.acquire(on: repository)
    let cached = try #require(FileManager.default.subpaths(atPath: test.folder(of: repository).string))
    let files = cached.filter { $0.split(separator: "/").last?.count == 64 }
    #expect(files.count == 2 + 2 + 2)
    for path in files {
      let parts = path.split(separator: "/")
      let type = try #require(BackendFileType(rawValue: String(parts[0])))
      let file = try #require(BackendFile(type: type, name: String(parts[2])))
      #expect(try CacheTestFolder.bytes(test.folder(of: repository).appending(path)) == memory[file])
    }
    try await lock.release()
  }

  @Test("a tree pack is loaded once and as a whole, however many trees are requested at the same time")
  func wholePack() async throws {
    let plain = try await TestRepository.create(on: memory)
    let uploader = plain.makeUploader()
    var trees: [BlobID] = []
    for number in 0..<40 { trees.append(try await uploader.add(folder: [Name("f\(number)"): []])) }
    _ = try await uploader.finish(root: trees[0])
    let (repository, calls) = try await open()
    let ids = trees
    try await withThrowingTaskGroup { group in
      for id in ids { group.addTask { _ = try await repository.loadTree(id) } }
      try await group.waitForAll()
    }
    #expect(loads(calls, .data) == 1)
    #expect(test.names(of: .data, in: repository).count == 1)
  }

  @Test(
    "anything in place of a cached file costs one load, and nothing else",
    arguments: CacheTestFolder.Replacement.allCases, [BackendFileType.data, .index, .snapshot])
  func replaced(by replacement: CacheTestFolder.Replacement, type: BackendFileType) async throws {
    let (first, saved) = try await create()
    for name in test.names(of: type, in: first) {
      let file = try #require(BackendFile(type: type, name: name))
      guard try replacement.put(at: test.path(of: file, in: first)) else { return }
    }
    // The record would spare the snapshots.
    try CacheTestFolder.remove(test.folder(of: first).appending(SnapshotRecordFile.name))
    let (repository, calls) = try await open()
    #expect(try await repository.snapshots().count == 2)
    #expect(try await repository.files(of: saved)["b"] == TestRepository.noise(3000, seed: 2))
    #expect(loads(calls, type) == 2)
    if replacement != .folder {
      let (again, calls) = try await open()
      #expect(try await again.files(of: saved)["b"] == TestRepository.noise(3000, seed: 2))
      let isMended = ![.flipped].contains(replacement) || type != .data
      if isMended { #expect(loads(calls, type) == (type == .data ? 1 : 0)) }
    }
  }

  @Test("a damaged pack is not cached, and is read in parts")
  func damagedPack() async throws {
    let (_, saved) = try await create()
    try FileManager.default.removeItem(atPath: test.base.string)
    for (file, bytes) in memory.files where file.type == .data {
      // The last byte belongs to the header's length.
      memory[file] = Array(bytes.dropLast()) + [bytes[bytes.count - 1] ^ 1]
    }
    let (repository, calls) = try await open()
    for _ in 0..<3 { _ = try await repository.loadTree(saved.snapshot.tree) }
    #expect(loads(calls, .data) == 3)
    #expect(test.names(of: .data, in: repository) == [])
  }

  @Test("a pack that is too large is requested as a whole once, and then read in parts")
  func largePack() async throws {
    let caching = try caching(memory)
    let limit = BackendFileType.data.wholeByteLimit
    let bytes = [UInt8](repeating: 7, count: limit + 1)
    let file = BackendFile.pack(SHA256.id(of: bytes), of: .tree)
    try await memory.create()
    try await memory.save(file, bytes)
    for _ in 0..<3 { #expect(try await caching.load(file, range: limit..<limit + 1).array == [7]) }
    await #expect(throws: BackendError.truncated(file)) { try await caching.load(file, range: 0..<limit + 2) }
  }

  @Test(
    "a listing removes files from the cache that the storage no longer has, but no file that this process has saved"
  )
  func lists() async throws {
    let (repository, _) = try await create()
    let (old, new) = (
      try #require(memory.files.keys.first { $0.type == .snapshot }.flatMap { SnapshotID(hex: $0.name) }),
      try await repository.commit([:], seconds: 3)
    )
    // Gone, and not listed yet.
    let stored = try #require(memory[.snapshot(new.id)])
    memory[.snapshot(new.id)] = nil
    memory[.snapshot(old)] = nil
    _ = try await repository.snapshotList()
    #expect(test.names(of: .snapshot, in: repository).contains(new.id.hex))
    let (other, _) = try await open()
    #expect(test.names(of: .snapshot, in: other).count == 1)
    memory[.snapshot(new.id)] = stored
    _ = try await other.snapshotList()
    #expect(test.names(of: .snapshot, in: other).contains(new.id.hex))
  }

  @Test("tree packs that no index file names any more are removed from the cache")
  func stalePacks() async throws {
    let (repository, _) = try await create()
    #expect(test.names(of: .data, in: repository).count == 2)
    // As a prune does: another index, another pack.
    let (reader, _) = try await open()
    for file in memory.files.keys where file.type == .index { memory[file] = nil }
    try await reader.loadIndex()
    await reader.removeStalePacksFromCache()
    #expect(test.names(of: .data, in: reader) == [])
  }

  @Test("removing a file, or finding that it is gone, removes it from the cache")
  func removed() async throws {
    let (repository, saved) = try await create()
    let file = BackendFile.snapshot(saved.id)
    try await repository.backend.remove(file)
    #expect(!test.names(of: .snapshot, in: repository).contains(file.name))
    let other = try #require(BackendFile(type: .index, name: test.names(of: .index, in: repository).first ?? ""))
    memory[other] = nil
    await #expect(throws: BackendError.notFound(other)) { _ = try await repository.backend.byteCount(of: other) }
    #expect(!test.names(of: .index, in: repository).contains(other.name))
  }

  @Test("a look for a file after a failed save asks the storage, and not the cache")
  func isStored() async throws {
    let (repository, saved) = try await create()
    let uploader = repository.makeUploader()
    let tree = try await uploader.finish(root: try await uploader.add(folder: ["z": []]))
    var snapshot = saved.snapshot
    snapshot.time = snapshot.time.adding(nanoseconds: 1)
    let sealed = try repository.seal(snapshot, of: tree)
    try await repository.save(sealed)
    memory[.snapshot(sealed.saved.id)] = nil
    #expect(try await !repository.isStored(sealed))
  }

  @Test(
    "a cache whose disk does not answer delays no commit; a saved file arrives later, before it is read or removed"
  )
  func slowDisk() async throws {
    let (repository, _) = try await create()
    let cache = try #require(repository.cache)
    let disk = BusyDisk(of: cache)
    await disk.begin()
    let uploader = repository.makeUploader()
    let tree = try await uploader.finish(root: try await uploader.add(folder: ["z": []]))
    let time = Timestamp(seconds: 1_700_000_100, nanoseconds: 0)
    let sealed = try repository.seal(Snapshot(time: time, tree: tree.id, paths: ["/test"]), of: tree)
    try await withTimeLimit { _ = try await repository.save(sealed) }
    #expect(memory[.snapshot(sealed.saved.id)] != nil)
    #expect(!test.names(of: .snapshot, in: repository).contains(sealed.saved.id.hex))
    // The cache does not delay the end of the program either: the disk stays busy, however short the limit is.
    try await withTimeLimit { await cache.finish(within: .milliseconds(50)) }
    #expect(disk.isBusy)
    async let loaded = cache.load(.snapshot(sealed.saved.id), range: nil)
    disk.end()
    let found = await loaded
    #expect(found?.byteCount == sealed.bytes.byteCount)
    await cache.finish(within: .seconds(120))
    let (reader, calls) = try await open()
    #expect(try await reader.snapshots().contains { $0.id == sealed.saved.id })
    #expect(loads(calls, .snapshot) == 0 && loads(calls, .index) == 0)
  }

  @Test("a file that is removed while it is being written into the cache is not there afterwards")
  func removedOnTheWay() async throws {
    let (repository, _) = try await create()
    let disk = BusyDisk(of: try #require(repository.cache))
    await disk.begin()
    let bytes = TestRepository.noise(500, seed: 7)
    let file = BackendFile.index(SHA256.id(of: bytes))
    try await repository.backend.save(file, bytes)
    async let removal: Void = repository.backend.remove(file)
    disk.end()
    try await removal
    await repository.finishCaching()
    #expect(!test.names(of: .index, in: repository).contains(file.name))
  }

  @Test("a slow cache keeps no more than a few packs in memory")
  func boundedWrites() async throws {
    let writes = CacheWrites()
    let (gate, opening) = AsyncStream.makeStream(of: Never.self)
    let counts = Locked(0)
    let release = Task { for await _ in gate {} }
    for _ in 0..<10 {
      writes.begin(nil, byteCount: 10 << 20) {
        await release.value
        counts.withLock { $0 += 1 }
      }
    }
    opening.finish()
    await writes.finish(within: .seconds(120))
    #expect(counts.withLock { $0 } == 3)
  }

  @Test("a cache that fails meanwhile is reported once, and the work goes on")
  func broken() async throws {
    let warnings = LogLines()
    var settings = test.settings()
    settings.logger = warnings.logger
    let repository = try await TestRepository.create(on: memory, settings: settings)
    for type in ["data", "index", "snapshots"] {
      let folder = test.folder(of: repository).appending(type)
      // Not there before the first use.
      _ = try await repository.snapshotList()
      try CacheTestFolder.remove(folder)
      try CacheTestFolder.write([], to: folder)
    }
    let saved = try await repository.commit(["a": TestRepository.noise(3000, seed: 1)])
    try await repository.commit(["b": TestRepository.noise(3000, seed: 2)], seconds: 1)
    #expect(warnings.lines.count == 1 && warnings.lines.first?.contains(test.base.string) == true)
    let (reader, _) = try await open(settings)
    #expect(try await reader.files(of: saved)["a"] == TestRepository.noise(3000, seed: 1))
  }

  @Test("an opening reads no cached file early, and the cache keeps the files that were read early")
  func opening() async throws {
    _ = try await create()
    try FileManager.default.removeItem(atPath: test.base.string)
    for isWarm in [false, true] {
      let calls = FaultBackend(memory)
      let settings = test.settings()
      let reads = OpeningReads(of: calls, cache: settings.cache, .everything, lifetime: .seconds(3600))
      try await reads.requireConfig()
      let repository = try await Repository.open(
        on: calls, password: TestRepository.password, settings: settings, reads: reads)
      let saved = try #require(try await repository.snapshots().last)
      _ = try await repository.loadIndex(with: saved.snapshot.tree)
      repository.endOpening()
      #expect(loads(calls, .index) == (isWarm ? 0 : 2))
      // The record has them, too.
      try CacheTestFolder.remove(test.folder(of: repository).appending(SnapshotRecordFile.name))
      #expect(loads(calls, .snapshot) == (isWarm ? 0 : 2))
      #expect(test.names(of: .index, in: repository).count == 2)
      #expect(test.names(of: .snapshot, in: repository).count == 2)
    }
  }

  @Test("two processes that share a cache lose nothing")
  func together() async throws {
    _ = try await create()
    let (first, _) = try await open()
    let (second, _) = try await open()
    try await withThrowingTaskGroup { group in
      for (number, repository) in [first, second].enumerated() {
        group.addTask {
          for round in 0..<20 {
            let content = TestRepository.noise(500, seed: UInt64(100 * number + round))
            let saved = try await repository.commit(["f": content], seconds: Int64(10 + 2 * round + number))
            try await repository.loadIndex()
            _ = try await repository.snapshotList()
            #expect(try await repository.files(of: saved)["f"] == content)
          }
        }
      }
      group.addTask {
        // restic's own cleaning.
        for _ in 0..<20 {
          try? FileManager.default.removeItem(atPath: test.folder(of: first).appending("index").string)
          try await Task.sleep(for: .milliseconds(5))  // Any moment will do.
        }
      }
      try await group.waitForAll()
    }
    let (reader, _) = try await open()
    let snapshots = try await reader.snapshots()
    #expect(snapshots.count == 42)
    for saved in snapshots { _ = try await reader.files(of: saved) }
  }
}
