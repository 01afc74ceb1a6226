import ResticTestSupport
import Testing

@testable import ResticCore

@Suite("A list of snapshots", .timeLimit(.minutes(30)))
struct SnapshotListingTests {
  private let memory = MemoryBackend()

  private func create(_ count: Int) async throws -> [SavedSnapshot] {
    let repository = try await TestRepository.create(on: memory)
    var saved: [SavedSnapshot] = []
    for number in 0..<count { saved.append(try await repository.commit([:], seconds: Int64(number))) }
    return saved
  }

  @Test("has everything of its own listing, whatever a simultaneous list lacks")
  func together() async throws {
    let saved = try await create(3)
    let others = Locked<Repository?>(nil)
    let held = Locked(false)
    let memory = memory
    let backend = FaultBackend(
      memory,
      pause: { call in
        guard call.operation == .load, call.file == .snapshot(saved[2].id),
          held.withLock({ isHeld in
            defer { isHeld = true }
            return !isHeld
          })
        else { return }
        // While the last one is read, another list lacks one that this one has read already.
        let bytes = memory[.snapshot(saved[1].id)]
        memory[.snapshot(saved[1].id)] = nil
        let other = try? await others.withLock { $0 }?.snapshotList()
        #expect(other?.snapshots.map(\.id) == [saved[0].id, saved[2].id])
        memory[.snapshot(saved[1].id)] = bytes
      }, fault: { _ in nil })
    let repository = try await TestRepository.open(backend)
    others.withLock { $0 = repository }
    // Snapshots that were read in time are known before the last one is read.
    let last = memory[.snapshot(saved[2].id)]
    memory[.snapshot(saved[2].id)] = nil
    #expect(try await repository.snapshotList().snapshots.count == 2)
    memory[.snapshot(saved[2].id)] = last
    #expect(try await repository.snapshotList().snapshots == saved)
    #expect(held.withLock { $0 })
  }

  @Test(
    "names each snapshot once although the storage lists it twice, known or not",
    arguments: [false, true])
  func duplicates(isKnown: Bool) async throws {
    let saved = try await create(3)
    let stale = StaleListing(memory)
    let repository = try await TestRepository.open(stale)
    if isKnown { #expect(try await repository.snapshots() == saved) }
    let entries = try await memory.list(.snapshot)
    stale.show(entries + entries.reversed())
    #expect(try await repository.snapshots() == saved)
    #expect(try await repository.snapshots() == saved)
  }

  @Test("does not contain a removed snapshot that a late listing still has")
  func removed() async throws {
    let test = try CacheTestFolder()
    let saved = try await create(4)
    _ = try await TestRepository.open(memory, settings: test.settings(keepsFiles: false)).snapshots()
    let stale = StaleListing(memory)
    stale.show(try await memory.list(.snapshot))
    for gone in saved.suffix(2) { memory[.snapshot(gone.id)] = nil }
    let repository = try await TestRepository.open(stale, settings: test.settings(keepsFiles: false))
    #expect(try await repository.latestSnapshot(matching: SnapshotFilter()) == saved[1])
    // The storage is not asked again.
    let calls = stale.sizeCount
    #expect(calls == 3)
    #expect(try await repository.latestSnapshot(matching: SnapshotFilter()) == saved[1])
    #expect(stale.sizeCount == calls)
    // If listings are immediate no further look is made.
    stale.show(nil)
    stale.isImmediate = true
    let other = try await TestRepository.open(stale, settings: test.settings(keepsFiles: false))
    #expect(try await other.latestSnapshot(matching: SnapshotFilter()) == saved[1])
    #expect(stale.sizeCount == calls)
  }

  @Test("follows new and removed snapshots in order, however many were known before")
  func changes() async throws {
    var random = SplitMix64(seed: 7)
    let repository = try await TestRepository.create(on: memory)
    var all: [SavedSnapshot] = []
    for number in 0..<60 {
      // Some are older than the known snapshots.
      all.append(
        try await repository.commit([:], seconds: Int64.random(in: 0..<1000, using: &random) * 100 + Int64(number)))
      if number % 3 == 2 {
        let index = Int.random(in: 0..<all.count, using: &random)
        memory[.snapshot(all.remove(at: index).id)] = nil
      }
      all.sort { ($0.snapshot.time, $0.id) < ($1.snapshot.time, $1.id) }
      #expect(try await repository.snapshots() == all)
    }
    try await repository.forget(Array(all.prefix(5)))
    #expect(try await repository.snapshots() == Array(all.dropFirst(5)))
    try await repository.forget(Array(all.prefix(5)))
  }
}

/// A storage whose listing of snapshots can be an old one.
private final class StaleListing: Backend {
  private let base: MemoryBackend
  private let state = Locked(State())

  private struct State {
    var entries: [BackendEntry]?
    var isImmediate = false
    var sizeCount = 0
  }

  init(_ base: MemoryBackend) { self.base = base }

  var description: String { base.description }
  var sizeCount: Int { state.withLock { $0.sizeCount } }
  var isImmediate: Bool {
    get { state.withLock { $0.isImmediate } }
    set { state.withLock { $0.isImmediate = newValue } }
  }

  func show(_ entries: [BackendEntry]?) { state.withLock { $0.entries = entries } }

  func create() async throws(BackendError) { try await base.create() }

  func save(_ file: BackendFile, _ bytes: PooledBytes) async throws(BackendError) { try await base.save(file, bytes) }

  func load(_ file: BackendFile, range: Range<Int>?) async throws(BackendError) -> PooledBytes {
    try await base.load(file, range: range)
  }

  func byteCount(of file: BackendFile) async throws(BackendError) -> Int {
    state.withLock { $0.sizeCount += 1 }
    return try await base.byteCount(of: file)
  }

  func list(_ type: BackendFileType) async throws(BackendError) -> [BackendEntry] {
    if type == .snapshot, let entries = state.withLock({ $0.entries }) { return entries }
    return try await base.list(type)
  }

  func remove(_ file: BackendFile) async throws(BackendError) { try await base.remove(file) }

  func capacity() async throws(BackendError) -> StorageCapacity? { nil }

  func listingsAreImmediate(of type: BackendFileType) async -> Bool { isImmediate }
}
