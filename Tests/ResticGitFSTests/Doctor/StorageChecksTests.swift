import ResticTestSupport
import Testing

@testable import ResticCore
@testable import ResticGitFS

/// U5: what the doctor says of a repository.
@Suite("The doctor's verdicts about a repository")
struct StorageChecksTests {
  @Test("a storage that cannot be used fails")
  func storage() {
    #expect(StorageChecks.storage("/v", nil).verdict == .ok)
    for error in [BackendError.notFound(.config), .missing("x"), .denied("x"), .unreachable("x"), .unavailable("x")] {
      #expect(StorageChecks.storage("/v", error).verdict == .fail)
    }
    #expect(StorageChecks.storage("/v", .notFound(.config)).advice?.contains("restic-gitfs init") == true)
  }

  @Test("clocks that differ: a warning from ten seconds, a failure from a quarter of an hour")
  func clocks() {
    #expect(StorageChecks.clock(nil).verdict == .ok && StorageChecks.clock(.seconds(-10)).verdict == .ok)
    #expect(StorageChecks.clock(.seconds(11)).verdict == .warning)
    #expect(StorageChecks.clock(.seconds(-3600)).verdict == .fail)
    #expect(StorageChecks.clock(.seconds(-60)).message.contains("60 s behind"))
    #expect(StorageChecks.clock(.seconds(60)).message.contains("60 s ahead of"))
  }

  @Test("a lock that nobody can hold, and one that keeps everybody out, are warnings")
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

  @Test("a storage whose listings lag is a warning, or a failure if it says otherwise")
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

  @Test("a probe leaves nothing behind, whatever call of the storage fails")
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

@Suite("A deadline")
struct DeadlineTests {
  @Test("gives the answer that comes in time, and nothing where none does")
  func answers() async {
    #expect(await Deadline.run(.seconds(60)) { 7 } == 7)
    #expect(await Deadline.blocking(.seconds(60)) { 7 } == 7)
    let begin = ContinuousClock.now
    let none = await Deadline.run(.milliseconds(20)) { () -> Int in
      try? await Task.sleep(for: .seconds(3600))  // cancelled with the deadline
      return 7
    }
    #expect(none == nil && begin.duration(to: .now) < .seconds(60))
  }
}
