import ResticTestSupport
import Testing

@testable import ResticCore

@Suite("The commit lock on a storage whose listings are late, slow or cached")
struct CommitLockListingTests {
  @Test("a storage that caches removed files until the next listing deceives nobody")
  func remembered() async throws {
    let scene = try await CommitLockScene()
    let remembering = RememberingBackend(base: scene.backend)
    let repository = try await TestRepository.open(remembering)
    let lock = try await CommitLock.acquire(on: repository, policy: scene.policy, clock: scene.lockClock)
    remembering.remember()
    scene.backend[.lock(lock.id)] = nil
    await #expect(throws: RepositoryError.self) { try await lock.confirm() }
  }

  @Test("a lock that is listed late is not lost")
  func listedLate() async throws {
    let scene = try await CommitLockScene()
    let isLate = Locked(false)
    let late = ForgetfulListing(base: scene.backend) { isLate.withLock { $0 } }
    let repository = try await TestRepository.open(late)
    let lock = try await CommitLock.acquire(on: repository, policy: scene.policy, clock: scene.lockClock)
    isLate.withLock { $0 = true }
    try await lock.confirm()
    scene.backend[.lock(lock.id)] = nil
    await #expect(throws: RepositoryError.self) { try await lock.confirm() }
  }

  @Test("a storage that does not list new files never grants the lock")
  func lateListing() async throws {
    let scene = try await CommitLockScene()
    let late = LateListingBackend(scene.backend)
    let repository = try await TestRepository.open(late)
    let error = await #expect(throws: RepositoryError.self) {
      try await scene.acquire(on: repository, retryFor: .seconds(30))
    }
    #expect(CommitLockScene.isLocked(error))
    #expect("\(try #require(error))".contains("does not list new files"))
    #expect(scene.locks.isEmpty)
  }

  @Test("a listing that took longer than the lifetime of a lock file decides nothing")
  func slowListing() async throws {
    let scene = try await CommitLockScene()
    let clock = scene.clock
    let slow = FaultBackend(scene.backend) { call in
      if call.operation == .list { clock.advance(by: .seconds(31)) }
      return nil
    }
    let repository = try await TestRepository.open(slow)
    let error = await #expect(throws: RepositoryError.self) { try await scene.acquire(on: repository) }
    guard case .backend(.unavailable) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(scene.locks.isEmpty)
  }
}

/// Lists nothing while it is late.
private struct ForgetfulListing: BackendWrapper {
  let base: any Backend
  let isLate: @Sendable () -> Bool

  func list(_ type: BackendFileType) async throws(BackendError) -> [BackendEntry] {
    isLate() ? [] : try await base.list(type)
  }
}

/// Says that every file is there whose size is asked for, until it is asked for a list, as rclone does of a file that somebody
/// else has removed.
private final class RememberingBackend: BackendWrapper {
  let base: any Backend
  private let wasListed = Locked(false)

  init(base: any Backend) {
    self.base = base
  }

  /// From now on the storage caches removed files.
  func remember() { wasListed.withLock { $0 = false } }

  func byteCount(of file: BackendFile) async throws(BackendError) -> Int {
    wasListed.withLock { $0 } ? try await base.byteCount(of: file) : 100
  }

  func list(_ type: BackendFileType) async throws(BackendError) -> [BackendEntry] {
    wasListed.withLock { $0 = true }
    return try await base.list(type)
  }
}

/// Lists lock files only when another was written after them.
private final class LateListingBackend: Backend {
  private let base: MemoryBackend
  private let newest = Locked<BackendFile?>(nil)

  init(_ base: MemoryBackend) {
    self.base = base
  }

  let description = "late"
  let isDistant = false

  func create() async throws(BackendError) {
    try await base.create()
  }

  func save(_ file: BackendFile, _ bytes: PooledBytes) async throws(BackendError) {
    try await base.save(file, bytes)
    newest.withLock { $0 = file }
  }

  func load(_ file: BackendFile, range: Range<Int>?) async throws(BackendError) -> PooledBytes {
    try await base.load(file, range: range)
  }

  func byteCount(of file: BackendFile) async throws(BackendError) -> Int {
    try await base.byteCount(of: file)
  }

  func list(_ type: BackendFileType) async throws(BackendError) -> [BackendEntry] {
    let newest = newest.withLock { $0 }
    return try await base.list(type).filter { $0.file != newest }
  }

  func remove(_ file: BackendFile) async throws(BackendError) {
    try await base.remove(file)
  }

  func capacity() async throws(BackendError) -> StorageCapacity? {
    nil
  }
}
