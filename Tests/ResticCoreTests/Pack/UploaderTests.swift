import ResticTestSupport
import Testing

@testable import ResticCore

@Suite("The uploader", .timeLimit(.minutes(30)))
struct UploaderTests {
  private static func packs(_ backend: MemoryBackend) -> [[UInt8]] {
    backend.files.filter { $0.key.type == .data }.map(\.value)
  }

  private static func blobs(_ backend: MemoryBackend, _ repository: Repository) throws -> [PackBlob] {
    try packs(backend).flatMap { try PackBuilder.decodeHeader(of: $0, repository.coder.masterKey) }
  }

  @Test("a commit is read back after the repository is opened again", arguments: [1, 2])
  func roundTrip(version: Int) async throws {
    for mode in CompressionMode.allCases {
      let backend = MemoryBackend()
      let settings = TestRepository.settings(compression: mode)
      let repository = try await TestRepository.create(on: backend, version: version, settings: settings)
      var files: [Name: [UInt8]] = ["empty": [], "text": [UInt8](repeating: 7, count: 50_000)]
      for seed in 0..<40 { files[Name("noise \(seed)")] = TestRepository.noise(5000 + seed, seed: UInt64(seed)) }
      let saved = try await repository.commit(files)
      #expect(try await repository.files(of: saved) == files)
      let reader = try await TestRepository.open(backend)
      #expect(try await reader.snapshots() == [saved])
      #expect(try await reader.files(of: saved) == files)
    }
  }

  @Test("a small commit writes one pack of data, one of trees, one index file and one snapshot")
  func smallCommit() async throws {
    let backend = MemoryBackend()
    let repository = try await TestRepository.create(on: backend)
    var files: [Name: [UInt8]] = [:]
    for number in 0..<20 { files[Name("\(number)")] = [UInt8(number)] }
    try await repository.commit(files)
    #expect(backend.files.keys.count { $0.type == .data } == 2)
    #expect(backend.files.keys.count { $0.type == .index } == 1)
    #expect(backend.files.keys.count { $0.type == .snapshot } == 1)

    let before = Set(backend.files.keys)
    try await repository.commit(files)
    let new = Set(backend.files.keys).subtracting(before)
    #expect(new.map(\.type) == [.snapshot], "nothing is stored twice")
  }

  @Test("packs have one type and reach their target size, and a large blob gets a pack of its own")
  func packSizes() async throws {
    let backend = MemoryBackend()
    let repository = try await TestRepository.create(
      on: backend, settings: TestRepository.settings(packByteCount: 20_000))
    let uploader = repository.makeUploader()
    for seed in 0..<100 {
      _ = try await uploader.add(TestRepository.noise(900, seed: UInt64(seed)), type: seed % 3 == 0 ? .tree : .data)
    }
    let large = try await uploader.add(TestRepository.noise(30_000, seed: 1000), type: .data)
    _ = try await uploader.finish(root: try await uploader.add(folder: [:]))
    var smallPacks = 0
    for pack in Self.packs(backend) {
      let blobs = try PackBuilder.decodeHeader(of: pack, repository.coder.masterKey)
      #expect(Set(blobs.map(\.type)).count == 1)
      if blobs.contains(where: { $0.id == large }) {
        #expect(blobs.count == 1)
      } else if pack.count < 20_000 {
        smallPacks += 1
      } else {
        #expect(pack.count < 23_000)
      }
    }
    #expect(smallPacks <= 4, "at most two unfinished packs a type")
    let statistics = uploader.statistics
    #expect(statistics.data.addedBlobCount == 67)
    #expect(statistics.trees.addedBlobCount == 35)
    #expect(statistics.storedPackCount == Self.packs(backend).count)
    #expect(statistics.storedByteCount == Self.packs(backend).reduce(0) { $0 + $1.count })
    #expect(
      statistics.data.packedByteCount + statistics.trees.packedByteCount + Self.packs(backend).count * 36
        == statistics.storedByteCount)
  }

  @Test("equal blobs that many tasks add at once are stored once, and can be read at once")
  func concurrentDuplicates() async throws {
    let backend = MemoryBackend()
    let repository = try await TestRepository.create(
      on: backend, settings: TestRepository.settings(packByteCount: 30_000))
    let uploader = repository.makeUploader()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for task in 0..<8 {
        group.addTask {
          for number in 0..<60 {
            let seed = UInt64((number * 7 + task * 13) % 60)
            let bytes = TestRepository.noise(2000, seed: seed)
            let id = try await uploader.add(bytes, type: .data)
            #expect(try await repository.loadBlob(id, type: .data) == bytes)
            #expect(repository.blobByteCount(id, type: .data) == 2000)
          }
        }
      }
      try await group.waitForAll()
    }
    _ = try await uploader.finish(root: try await uploader.add(folder: [:]))
    #expect(try Self.blobs(backend, repository).count == 61)
    #expect(uploader.statistics.data.addedBlobCount == 60)
    #expect(uploader.statistics.data.knownBlobCount == 8 * 60 - 60)
    #expect(repository.directory.withLock { $0.pending.count } == 0)
  }

  @Test("a blob on its way in one uploader is not stored by another, unless the other finishes first")
  func twoUploaders() async throws {
    let backend = MemoryBackend()
    let repository = try await TestRepository.create(on: backend)
    let first = repository.makeUploader()
    let second = repository.makeUploader()
    let bytes = TestRepository.noise(1000, seed: 1)
    let id = try await first.add(bytes, type: .data)
    #expect(try await second.add(bytes, type: .data) == id)
    #expect(second.statistics.data.knownBlobCount == 1)
    let firstRoot = try await first.add(folder: ["a": bytes])
    _ = try await first.finish(root: firstRoot)
    _ = try await second.finish(root: firstRoot)
    #expect(try Self.blobs(backend, repository).count { $0.id == id } == 1)

    let third = repository.makeUploader()
    let fourth = repository.makeUploader()
    let other = TestRepository.noise(1000, seed: 2)
    let otherID = try await third.add(other, type: .data)
    let root = try await fourth.add(folder: ["b": other])
    _ = try await fourth.finish(root: root)
    let reader = try await TestRepository.open(backend)
    #expect(try await reader.loadBlob(otherID, type: .data) == other, "the fourth took it over")
    _ = try await third.finish(root: try await third.add(folder: ["c": other]))
    #expect(try await repository.loadBlob(otherID, type: .data) == other)
  }

  @Test("a blob that another uploader relies on survives the failure of its own uploader")
  func failedHolder() async throws {
    let backend = MemoryBackend()
    let repository = try await TestRepository.create(on: backend)
    let bytes = TestRepository.noise(1000, seed: 1)
    var first: Uploader? = repository.makeUploader()
    let id = try #require(try await first?.add(bytes, type: .data))
    let only = try #require(try await first?.add([1, 2, 3], type: .data))
    let second = repository.makeUploader()
    let root = try await second.add(folder: ["a": bytes])
    first = nil
    #expect(!repository.contains(only, type: .data), "nobody else wanted it")
    #expect(try await repository.loadBlob(id, type: .data) == bytes)
    _ = try await second.finish(root: root)
    #expect(try await TestRepository.open(backend).loadBlob(id, type: .data) == bytes)
    #expect(repository.directory.withLock { $0.pending.count } == 0)
  }

  @Test("a pack on its way arrives although its uploader failed, and another uploader waits for it")
  func failedUploaderInFlight() async throws {
    let memory = MemoryBackend()
    let held = HeldBackend(memory)
    let isFailing = Locked(false)
    let backend = FaultBackend(held) { call in
      call.operation == .save && call.type == .data && isFailing.withLock { $0 }
        ? .nothingDone(FaultBackend.hiccup) : nil
    }
    let repository = try await TestRepository.create(
      on: backend, settings: TestRepository.settings(packByteCount: 1000))
    held.hold()
    let bytes = TestRepository.noise(1000, seed: 1)
    let first = repository.makeUploader()
    let id = try await first.add(bytes, type: .data)
    try await waitUntil { held.waiting >= 1 }
    isFailing.withLock { $0 = true }
    let lost = try await first.add(TestRepository.noise(1000, seed: 2), type: .data)
    try await waitUntil { !repository.contains(lost, type: .data) }
    await #expect(throws: RepositoryError.self) { try await first.add([1], type: .data) }
    isFailing.withLock { $0 = false }

    #expect(try await repository.loadBlob(id, type: .data) == bytes)
    let second = repository.makeUploader()
    #expect(try await second.add(bytes, type: .data) == id)
    let finishing = Task { try await second.finish(root: try await second.add(folder: [:])) }
    // Time in which an uploader that does not wait could show itself.
    try await Task.sleep(for: .milliseconds(20))
    held.open()
    _ = try await finishing.value
    #expect(second.statistics.data.addedBlobCount == 0)
    #expect(try Self.blobs(memory, repository).count { $0.id == id } == 1)
    #expect(try await TestRepository.open(memory).loadBlob(id, type: .data) == bytes)
    #expect(repository.directory.withLock { $0.pending.count } == 0)
  }

  @Test("a root that was never added is an error")
  func unknownRoot() async throws {
    let repository = try await TestRepository.create()
    let uploader = repository.makeUploader()
    let data = try await uploader.add([1], type: .data)
    await #expect(throws: RepositoryError.self) { try await uploader.finish(root: data) }
  }

  @Test("no more packs than allowed are in flight, and further adds wait")
  func bound() async throws {
    let gate = HeldBackend(MemoryBackend())
    let repository = try await TestRepository.create(
      on: gate, settings: TestRepository.settings(packByteCount: 1000, packsInFlight: 2))
    gate.hold()
    let uploader = repository.makeUploader()
    let adding = Task {
      for seed in 0..<20 { _ = try await uploader.add(TestRepository.noise(1000, seed: UInt64(seed)), type: .data) }
    }
    try await waitUntil { gate.waiting >= 2 }
    // Time in which a further pack could show itself.
    try await Task.sleep(for: .milliseconds(50))
    #expect(gate.waiting == 2)
    #expect(uploader.statistics.data.addedBlobCount == 2)
    gate.open()
    try await adding.value
    _ = try await uploader.finish(root: try await uploader.add(folder: [:]))
    #expect(gate.most <= 3, "one more may be closed by an add that had begun")
  }
}

/// Keeps uploads of packs waiting until it is opened.
private final class HeldBackend: Backend {
  struct State {
    var isHeld = false
    var waiters: [CheckedContinuation<Void, Never>] = []
    var running = 0
    var most = 0
  }

  let base: MemoryBackend
  private let state = Locked(State())

  init(_ base: MemoryBackend) { self.base = base }

  var description: String { base.description }
  var isDistant: Bool { base.isDistant }
  var waiting: Int { state.withLock { $0.waiters.count } }
  var most: Int { state.withLock { $0.most } }

  func hold() { state.withLock { $0.isHeld = true } }

  func open() {
    let waiters = state.withLock { state in
      state.isHeld = false
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter.resume() }
  }

  func save(_ file: BackendFile, _ bytes: PooledBytes) async throws(BackendError) {
    if file.type == .data {
      await withCheckedContinuation { continuation in
        let passes = state.withLock { state in
          state.running += 1
          state.most = max(state.most, state.running)
          if !state.isHeld { return true }
          state.waiters.append(continuation)
          return false
        }
        if passes { continuation.resume() }
      }
      await Task.yield()
      state.withLock { $0.running -= 1 }
    }
    try await base.save(file, bytes)
  }

  func create() async throws(BackendError) { try await base.create() }
  func load(_ file: BackendFile, range: Range<Int>?) async throws(BackendError) -> PooledBytes {
    try await base.load(file, range: range)
  }
  func byteCount(of file: BackendFile) async throws(BackendError) -> Int { try await base.byteCount(of: file) }
  func list(_ type: BackendFileType) async throws(BackendError) -> [BackendEntry] { try await base.list(type) }
  func remove(_ file: BackendFile) async throws(BackendError) { try await base.remove(file) }
  func capacity() async throws(BackendError) -> StorageCapacity? { nil }
}
