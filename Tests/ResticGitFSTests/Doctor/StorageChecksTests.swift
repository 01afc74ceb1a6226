import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore
@testable import ResticGitFS

/// U5: the doctor's verdicts about a repository.
@Suite("The doctor's verdicts about a repository")
struct StorageChecksTests {
  @Test("an unusable storage is a failure")
  func storage() {
    #expect(StorageChecks.storage("/v", nil).verdict == .ok)
    for error in [BackendError.notFound(.config), .missing("x"), .denied("x"), .unreachable("x"), .unavailable("x")] {
      #expect(StorageChecks.storage("/v", error).verdict == .fail)
    }
    #expect(StorageChecks.storage("/v", .notFound(.config)).advice?.contains("restic-gitfs init") == true)
  }

  @Test("different clocks are a warning from ten seconds on, and a failure from a quarter of an hour on")
  func clocks() {
    #expect(StorageChecks.clock(nil).verdict == .ok && StorageChecks.clock(.seconds(-10)).verdict == .ok)
    #expect(StorageChecks.clock(.seconds(11)).verdict == .warning)
    #expect(StorageChecks.clock(.seconds(-3600)).verdict == .fail)
    #expect(StorageChecks.clock(.seconds(-60)).message.contains("60 s behind"))
    #expect(StorageChecks.clock(.seconds(60)).message.contains("60 s ahead of"))
  }

  @Test("a lock that nobody can hold, and a lock that blocks everybody, are warnings")
  func locks() throws {
    func lock(isDead: Bool = false, isStale: Bool = false, exclusive: Bool = false) throws -> RepositoryProbe.Lock {
      let file = LockFile(time: .now(), exclusive: exclusive, hostname: "h", username: "u", pid: 7)
      let id = try #require(LockID(hex: String(repeating: "ab", count: 32)))
      return RepositoryProbe.Lock(id: id, file: file, isDead: isDead, isStale: isStale)
    }
    #expect(StorageChecks.locks([]).verdict == .ok)
    #expect(try StorageChecks.locks([lock()]).verdict == .ok)
    #expect(try StorageChecks.locks([lock(), lock(isDead: true)]).advice?.contains("restic-gitfs unlock") == true)
    #expect(try StorageChecks.locks([lock(isStale: true)]).advice?.contains("`restic unlock`") == true)
    let exclusive = try StorageChecks.locks([lock(exclusive: true)])
    #expect(exclusive.verdict == .warning && exclusive.message.contains("exclusive"))
  }

  @Test("late listings are a warning, or a failure if the storage claims otherwise")
  func listings() {
    func write(_ isListed: Bool, _ isPromised: Bool) -> DoctorCheck.Verdict {
      StorageChecks.writing(.success(RepositoryProbe.Write(isListed: isListed, isPromised: isPromised))).verdict
    }
    #expect(write(true, true) == .ok && write(true, false) == .ok)
    #expect(write(false, false) == .warning && write(false, true) == .fail)
    #expect(StorageChecks.writing(.failure(.backend(.denied("x")))).verdict == .fail)
    #expect(StorageChecks.removal(.refused("403")).message.hasPrefix("append-only"))
    #expect(StorageChecks.removal(.allowed).verdict == .ok)
  }

  @Test("the clock of a storage that does not send its time is taken from the lock file")
  func writeTime() async throws {
    let folder = try TemporaryDirectory(prefix: "probe")
    let local = LocalBackend(path: folder.path.appending("vault"))
    let offset = try await RepositoryProbe(TestMount.makeRepository(on: local)).writeLock().clockOffset
    #expect(StorageChecks.clock(offset).message.contains("agrees"))
    let late = LateClock(base: MemoryBackend(), offset: .seconds(-3600))
    let probe = RepositoryProbe(try await TestMount.makeRepository(on: late))
    let found = try #require(try await probe.writeLock().clockOffset)
    #expect(StorageChecks.clock(found).verdict == .fail && found < .seconds(-3590) && found > .seconds(-3660))
    #expect(try await late.list(.lock).isEmpty)
    #expect(try await RepositoryProbe(TestMount.makeRepository(on: MemoryBackend())).writeLock().clockOffset == nil)
  }

  @Test("a probe leaves nothing behind")
  func probe() async throws {
    let memory = MemoryBackend()
    let repository = try await TestMount.makeRepository(on: memory)
    #expect(try await RepositoryProbe(repository).locks().isEmpty)
    #expect(try await RepositoryProbe(repository).writeLock().isListed)
    #expect(try await RepositoryProbe(repository).removal() == .allowed)
    #expect(try await memory.list(.lock).isEmpty)
    #expect(try await RepositoryProbe(repository).snapshotCount() == 0)
  }
}

/// A storage whose clock is `offset` ahead of this machine's.
private struct LateClock: Backend {
  let base: MemoryBackend
  let offset: Duration

  var description: String { base.description }
  func create() async throws(BackendError) { try await base.create() }
  func save(_ file: BackendFile, _ bytes: PooledBytes) async throws(BackendError) { try await base.save(file, bytes) }
  func load(_ file: BackendFile, range: Range<Int>?) async throws(BackendError) -> PooledBytes {
    try await base.load(file, range: range)
  }
  func byteCount(of file: BackendFile) async throws(BackendError) -> Int { try await base.byteCount(of: file) }
  func list(_ type: BackendFileType) async throws(BackendError) -> [BackendEntry] { try await base.list(type) }
  func remove(_ file: BackendFile) async throws(BackendError) { try await base.remove(file) }
  func capacity() async throws(BackendError) -> StorageCapacity? { nil }
  func writeTime(of file: BackendFile) async throws(BackendError) -> Timestamp? {
    Timestamp.now().adding(nanoseconds: Int64(offset / .nanoseconds(1)))
  }
}

@Suite("A deadline")
struct DeadlineTests {
  @Test("returns an answer that comes in time, and otherwise nothing")
  func answers() async {
    #expect(await Deadline.run(.seconds(300)) { 7 } == 7)
    #expect(await Deadline.blocking(.seconds(300)) { 7 } == 7)
    let begin = ContinuousClock.now
    // The answer comes after an hour, unless the deadline cancels the task.
    let none = await Deadline.run(.milliseconds(20)) { () -> Int in
      try? await Task.sleep(for: .seconds(3600))  // Cancelled with the deadline.
      return 7
    }
    #expect(none == nil && begin.duration(to: .now) < .seconds(300))
  }
}
