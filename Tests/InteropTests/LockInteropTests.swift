import Glibc
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

@Suite("Sharing locks with restic")
struct LockInteropTests {
  init() {
    // restic sends it to the process that a lock names, to see whether it lives.
    signal(SIGHUP, SIG_IGN)
  }

  /// A repository with a pack that is large enough to be slow when restic is told to be.
  private static func prepared(_ directory: TemporaryDirectory) async throws -> (Restic, Repository) {
    let restic = Restic(in: directory)
    let repository = try await restic.create(version: 2)
    var random = SplitMix64(seed: 1)
    let source = directory.path.appending("source")
    try SourceTree.makeFolder(source, mode: 0o755)
    try SourceTree.write(random.bytes(2 << 20), to: source.appending("file"), mode: 0o644)
    try await SourceUpload(repository).commit(source)
    return (restic, repository)
  }

  private static func message(_ error: RepositoryError?) -> String {
    if case .locked(let message) = error { message } else { "not locked: \(String(describing: error))" }
  }

  /// Runs `body` while a restic that is slowed down holds its lock; then kills it.
  private static func whileLocked(
    _ restic: Restic, by arguments: [String], _ body: () async throws -> Void
  ) async throws {
    let holder = Task {
      let runner = ProcessRunner(
        environment: ["RESTIC_PASSWORD": Restic.passwordText], timeout: .seconds(1200))
      return try await runner.run("restic", ["-r", restic.path.string, "--no-cache"] + arguments)
    }
    do {
      try await waitUntil { try await !restic.backend.list(.lock).isEmpty }
      try await body()
    } catch {
      holder.cancel()
      _ = await holder.result
      throw error
    }
    holder.cancel()
    _ = await holder.result
  }

  @Test(
    "restic takes this program's lock for its own: lists it, respects it, and removes it with unlock only after the process has ended"
  )
  func ours() async throws {
    let directory = try TemporaryDirectory()
    let (restic, repository) = try await Self.prepared(directory)
    let shared = try await RepositoryLock.acquire(on: repository)
    #expect(try await restic("list", "locks", "--no-lock").contains(shared.id.hex))
    let content = try await restic("cat", "--no-lock", "lock", shared.id.hex)
    #expect(content.contains("\"exclusive\": false"))
    try await restic("unlock")
    #expect(try await restic("list", "locks", "--no-lock").contains(shared.id.hex), "we live")
    try await restic("backup", "--no-cache", directory.path.appending("source").string)
    for command in [["prune"], ["forget", "--keep-last", "1"], ["check"]] {
      let result = try await ProcessRunner(environment: ["RESTIC_PASSWORD": Restic.passwordText])
        .run("restic", ["-r", restic.path.string, "--no-cache"] + command)
      #expect(!result.isSuccess)
      #expect(result.errorOutput.contains("already locked"))
    }
    try shared.validate()
    try await shared.release()

    let exclusive = try await RepositoryLock.acquire(on: repository, exclusive: true)
    let result = try await restic.run("backup", directory.path.appending("source").string)
    #expect(!result.isSuccess)
    #expect(result.errorOutput.contains("already locked exclusively"))
    try await exclusive.release()
    try await restic("prune")
  }

  @Test("restic's exclusive lock blocks this program until restic's own unlock has removed the lock")
  func exclusive() async throws {
    let directory = try TemporaryDirectory()
    let (restic, repository) = try await Self.prepared(directory)
    try await Self.whileLocked(restic, by: ["check", "--read-data", "--limit-download", "1"]) {
      for exclusive in [false, true] {
        let error = await #expect(throws: RepositoryError.self) {
          try await RepositoryLock.acquire(on: repository, exclusive: exclusive)
        }
        let message = Self.message(error)
        #expect(message.contains("already locked exclusively by PID"))
        #expect(message.contains(ClientIdentity.current.hostname))
      }
    }
    #expect(try await repository.backend.list(.lock).count == 1, "restic was killed")
    // The lock's process seems to be gone, but may be in another container of this name: it takes minutes to know.
    await #expect(throws: RepositoryError.self) { try await RepositoryLock.acquire(on: repository, exclusive: true) }
    try await restic("unlock")
    // A host name and a process number prove nothing, so the lock is watched first: here not for five minutes.
    var policy = LockPolicy()
    policy.staleObservation = .seconds(1)  // The lock is stale, however short this is.
    policy.firstRetryDelay = .milliseconds(200)
    let lock = try await RepositoryLock.acquire(on: repository, retryFor: .seconds(120), policy: policy)
    #expect(try await repository.backend.list(.lock).map(\.file) == [.lock(lock.id)])
    try await lock.release()
  }

  @Test("restic's shared lock admits a shared lock of this program, and no exclusive lock")
  func shared() async throws {
    let directory = try TemporaryDirectory()
    let (restic, repository) = try await Self.prepared(directory)
    let target = directory.path.appending("restored").string
    try await Self.whileLocked(restic, by: ["restore", "latest", "--target", target, "--limit-download", "1"]) {
      let lock = try await RepositoryLock.acquire(on: repository)
      #expect(try await repository.backend.list(.lock).count == 2)
      try await lock.release()
      let error = await #expect(throws: RepositoryError.self) {
        try await RepositoryLock.acquire(on: repository, exclusive: true)
      }
      #expect(Self.message(error).contains("already locked by PID"))
    }
  }
}
