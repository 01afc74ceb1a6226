import Glibc
import Logging
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

@Suite("The commit lock and restic")
struct CommitLockResticTests {
  /// A repository on disk that restic made.
  private struct Scene {
    let directory: TemporaryDirectory
    let backend: LocalBackend
    let runner: ProcessRunner

    init() async throws {
      directory = try TemporaryDirectory(prefix: "commit-lock")
      let path = directory.path.appending("repository")
      backend = LocalBackend(path: path)
      runner = ProcessRunner(environment: [
        "RESTIC_PASSWORD": "correct horse", "RESTIC_REPOSITORY": path.string,
        "RESTIC_CACHE_DIR": directory.path.appending("cache").string,
      ])
      _ = try await TestRepository.create(on: backend)
    }

    /// As another machine: `restic unlock` sends SIGHUP to the processes of this one, and would end the tests.
    func open() async throws -> Repository {
      var settings = TestRepository.settings()
      settings.identity.hostname = "elsewhere"
      return try await TestRepository.open(backend, settings: settings)
    }

    @discardableResult
    func restic(_ arguments: String...) async throws -> ProcessResult {
      try await runner.run("restic", ["--quiet"] + arguments)
    }
  }

  @Test("to restic the commit lock is an ordinary shared lock: backups go on, prune waits, unlock leaves it")
  func shared() async throws {
    let scene = try await Scene()
    let lock = try await CommitLock.acquire(on: try await scene.open())
    let first = lock.id
    let listed = try await scene.restic("list", "locks", "--no-lock")
    // On a slow machine the lock is refreshed meanwhile: another file takes the place of the first.
    let id = try #require([first, lock.id].first { listed.output.contains($0.hex) })
    let shown = try await scene.restic("cat", "lock", id.hex, "--no-lock")
    #expect(shown.isSuccess)
    #expect(shown.output.contains("\"exclusive\": false"))
    #expect(shown.output.contains("\"pid\": 4711"))

    let backup = try await scene.restic("backup", "/etc/hostname", "--host", "other")
    #expect(backup.isSuccess, "\(backup.errorOutput)")
    for command in ["prune", "check"] {
      let refused = try await scene.restic(command)
      #expect(!refused.isSuccess)
      #expect(refused.errorOutput.contains("already locked"), "\(command): \(refused.errorOutput)")
    }
    #expect(try await scene.restic("unlock").isSuccess)
    try await lock.confirm()
    try await lock.release()
    #expect(try await scene.restic("prune").isSuccess)
    #expect(try await scene.restic("check").isSuccess)
  }

  @Test("`restic unlock --remove-all` removes the commit lock, and the holder notices")
  func removedByForce() async throws {
    let scene = try await Scene()
    let lock = try await CommitLock.acquire(on: try await scene.open())
    #expect(try await scene.restic("unlock", "--remove-all").isSuccess)
    let error = await #expect(throws: RepositoryError.self) { try await lock.confirm() }
    guard case .lockLost = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    try await lock.release()
  }

  @Test("restic's exclusive lock refuses a commit lock")
  func exclusive() async throws {
    let scene = try await Scene()
    let repository = try await scene.open()
    let file = LockFile(
      time: .now(), exclusive: true, hostname: ClientIdentity.current.hostname, username: "restic", pid: getppid())
    let id = try await repository.unpacked.save(file.encode(), as: BackendFile.lock)
    let error = await #expect(throws: RepositoryError.self) {
      try await CommitLock.acquire(on: repository, retryFor: .zero)
    }
    #expect("\(try #require(error))".contains("exclusively"))
    try await repository.backend.remove(.lock(id))
    try await CommitLock.acquire(on: repository, retryFor: .zero).release()
  }

  @Test("stuck uploads on all threads do not delay a lock")
  func uploadStorm() async throws {
    let directory = try TemporaryDirectory(prefix: "lock-storm")
    let executor = BlockingExecutor(threadCount: 2)
    let backend = LocalBackend(path: directory.path, executor: executor)
    let repository = try await TestRepository.create(on: backend)
    let stuck = Shared(true)
    let busy = Shared(0)
    let storm = Task {
      await withTaskGroup(of: Void.self) { group in
        for _ in 0..<8 {
          group.addTask {
            await executor.run {
              busy.value.withLock { $0 += 1 }
              while stuck.value.withLock({ $0 }) { usleep(1000) }  // The pause between two looks.
            }
          }
        }
      }
    }
    // Where the lock waited for an upload, this ends the wait, and the test fails.
    let watchdog = Task {
      try await Task.sleep(for: .seconds(120))  // A time limit.
      stuck.value.withLock { $0 = false }
    }
    defer { watchdog.cancel() }
    try await waitUntil { busy.value.withLock { $0 } == 2 }
    let lock = try await CommitLock.acquire(on: repository)
    try await lock.confirm()
    try await lock.release()
    #expect(stuck.value.withLock { $0 }, "the lock waited for an upload")
    stuck.value.withLock { $0 = false }
    await storm.value
  }
}
