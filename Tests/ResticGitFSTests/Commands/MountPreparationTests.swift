import Logging
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

/// R2, R15: a mount begins without a lock of its own.
@Suite("Opening for a mount", .timeLimit(.minutes(30)))
struct MountPreparationTests {
  private let storage = MemoryBackend(isDistant: true)

  private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  private func makeSnapshot(_ bytes: [UInt8] = [1]) async throws {
    let repository = storage.files.isEmpty ? try await TestMount.makeRepository(on: storage) : try await open(storage)
    let mount = try await TestMount(repository)
    try await mount.write(bytes, to: "f")
    _ = try await mount.commit()
  }

  private func open(_ backend: any Backend) async throws -> Repository {
    var password = TestMount.password
    return try await Repository.open(
      on: backend, password: SecureBytes(wiping: &password), reads: OpeningReads(of: backend, .everything))
  }

  private func prepare(
    _ backend: any Backend, isReadOnly: Bool = false, isForOneProgram: Bool = false, retryFor: Duration = .zero
  ) async throws -> MountService {
    try await prepare(
      try await open(backend), isReadOnly: isReadOnly, isForOneProgram: isForOneProgram, retryFor: retryFor)
  }

  private func prepare(
    _ repository: Repository, isReadOnly: Bool = false, isForOneProgram: Bool = false, retryFor: Duration = .zero
  ) async throws -> MountService {
    var configuration = MountConfiguration(
      mountpoint: "/nowhere", isReadOnly: isReadOnly, selection: .latest(SnapshotFilter()),
      createsBareRepository: false, fileSystemName: "test", retryLock: retryFor,
      identity: SnapshotIdentity(hostname: "here", username: "me", userID: 1, groupID: 1))
    configuration.isForOneProgram = isForOneProgram
    return try await MountService.prepare(
      repository: repository, configuration: configuration, logger: Self.logger)
  }

  private func plantExclusiveLock() async throws -> BackendFile {
    let before = Set(storage.files.keys)
    _ = try await RepositoryLock.acquire(on: try await open(storage), exclusive: true)
    return try #require(storage.files.keys.first { !before.contains($0) })
  }

  @Test("writes a lock only for a caller that is about to write", arguments: [true, false])
  func withoutLock(isForOneProgram: Bool) async throws {
    try await makeSnapshot()
    for isReadOnly in [true, false] {
      let counted = FaultBackend(storage)
      let service = try await prepare(counted, isReadOnly: isReadOnly, isForOneProgram: isForOneProgram)
      #expect(service.status().snapshot != nil)
      let isKept = isForOneProgram && !isReadOnly
      if !isKept { #expect(!counted.calls.contains { $0.isWrite }) }
      await service.abandon()
      #expect(counted.calls.contains { $0.isWrite } == isKept)
      #expect(try await storage.list(.lock).isEmpty)
    }
  }

  // C10
  @Test("shows a snapshot that was saved after the opening: the mount may have waited for that commit")
  func savedSince() async throws {
    try await makeSnapshot()
    let repository = try await open(storage)
    try await makeSnapshot([2])
    let service = try await prepare(repository)
    let newest = try await open(storage).latestSnapshot(matching: SnapshotFilter())
    #expect(service.status().snapshot == newest?.id.hex)
    await service.abandon()
  }

  @Test("lists the index once the snapshots are known")
  func order() async throws {
    try await makeSnapshot()
    let distant = DistantBackend(storage, roundTrip: .milliseconds(30))
    await (try prepare(distant)).abandon()
    let snapshots = try #require(distant.exchanges.last { $0.name == "list snapshots" })
    #expect(distant.exchanges.contains { $0.name == "list index" && $0.begin >= snapshots.end })
    let rounds = RequestRounds(distant.exchanges)
    #expect(rounds.exchanges.count { $0.name == "load snapshots" } == 1)
  }

  @Test("is refused by an exclusive lock, even if it appears during the opening")
  func exclusiveLock() async throws {
    try await makeSnapshot()
    let lock = try await plantExclusiveLock()
    await #expect(throws: RepositoryError.self) { try await prepare(storage) }
    let content = storage[lock]
    storage[lock] = nil
    // The lock appears when the key is being read.
    let late = FaultBackend(
      storage,
      pause: { call in
        if call.operation == .load, call.type == .key { storage[lock] = content }
      }, fault: { _ in nil })
    await #expect(throws: RepositoryError.self) { try await prepare(late) }
    storage[lock] = nil
    await (try await prepare(storage)).abandon()
  }

  @Test("waits for an exclusive lock, and shows the state after its release")
  func waits() async throws {
    try await makeSnapshot()
    let lock = try await plantExclusiveLock()
    let looks = Locked(0)
    let backend = FaultBackend(
      storage,
      pause: { call in
        guard call.operation == .list, call.type == .lock else { return }
        let count = looks.withLock { looks in
          looks += 1
          return looks
        }
        if count == 4 { storage[lock] = nil }
      }, fault: { _ in nil })
    let service = try await prepare(backend, retryFor: .seconds(60))
    #expect(service.status().snapshot != nil)
    await service.abandon()
    #expect(try await storage.list(.lock).isEmpty)
  }

  @Test("starts again under a lock if a prune removes a pack during the opening")
  func prunedMeanwhile() async throws {
    try await makeSnapshot()
    let misses = Locked(2)
    let backend = FaultBackend(storage) { call in
      guard call.operation == .load, call.type == .data, let file = call.file else { return nil }
      return misses.withLock { left in
        left -= 1
        return left >= 0 ? .nothingDone(.notFound(file)) : nil
      }
    }
    let service = try await prepare(backend)
    #expect(service.status().snapshot != nil)
    #expect(misses.withLock { $0 } < 0)
    await service.abandon()
    #expect(try await storage.list(.lock).isEmpty)
  }

  @Test("reports an error that no prune can have caused at once, without a lock")
  func otherErrors() async throws {
    try await makeSnapshot()
    let counted = FaultBackend(storage) { call in
      call.operation == .load && call.type == .data ? .nothingDone(FaultBackend.death) : nil
    }
    await #expect(throws: RepositoryError.self) { try await prepare(counted) }
    #expect(!counted.calls.contains { $0.isWrite })
  }

  @Test("looks again if the listing of index files is late, and shows the snapshot")
  func laggingIndex() async throws {
    try await makeSnapshot()
    let known = Set(storage.files.keys)
    try await makeSnapshot([2])
    let isLate = Locked(3)
    let lagging = LaggingBackend(base: storage) { file in
      file.type == .index && !known.contains(file)
        && isLate.withLock { left in
          left -= 1
          return left >= 0
        }
    }
    let service = try await prepare(lagging)
    let newest = try await open(storage).latestSnapshot(matching: SnapshotFilter())
    #expect(service.status().snapshot == newest?.id.hex)
    await service.abandon()
  }
}
