import Logging
import ResticCore
import ResticTestSupport
import Testing

@testable import ResticGitFS

@Suite("LockKeeper", .timeLimit(.minutes(30)))
struct LockKeeperTests {
  private let storage = MemoryBackend()

  private static func makeKeeper(_ repository: Repository) -> LockKeeper {
    LockKeeper(repository: repository, retryFor: .zero, logger: repository.settings.logger)
  }

  /// A blob that `repository` has stored, and lists in an index file.
  private static func storeBlob(in repository: Repository) async throws -> BlobID {
    let uploader = repository.makeUploader()
    let blob = try await uploader.add([1, 2, 3], type: .data)
    _ = try await uploader.finish(root: uploader.add(Tree(nodes: []).encode(), type: .tree))
    return blob
  }

  @Test("a new lock comes with an index that knows what other clients have pruned meanwhile")
  func freshIndex() async throws {
    let repository = try await TestMount.makeRepository(on: storage)
    let blob = try await Self.storeBlob(in: repository)
    let keeper = Self.makeKeeper(repository)
    _ = try await keeper.acquire()
    await keeper.releaseUnlessNeeded()
    #expect(repository.contains(blob, type: .data))
    storage.forgetAndPruneEverything()
    _ = try await keeper.acquire()
    #expect(!repository.contains(blob, type: .data))
    await keeper.releaseUnlessNeeded()
  }

  @Test("a pack that no index file names and that vanished while there was no lock does not count as stored")
  func vanishedPack() async throws {
    let isBroken = Switch()
    let backend = FaultBackend(storage) { call in
      isBroken.isOn && call.operation == .save && call.type == .index ? .nothingDone(FaultBackend.hiccup) : nil
    }
    let repository = try await TestMount.makeRepository(on: backend)
    isBroken.isOn = true
    let uploader = repository.makeUploader()
    let blob = try await uploader.add([1, 2, 3], type: .data)
    let root = try await uploader.add(Tree(nodes: []).encode(), type: .tree)
    await #expect(throws: RepositoryError.self) { try await uploader.finish(root: root) }
    isBroken.isOn = false
    let keeper = Self.makeKeeper(repository)
    _ = try await keeper.acquire()
    #expect(repository.contains(blob, type: .data), "the pack is there, and the next commit names it")
    await keeper.releaseUnlessNeeded()
    storage.forgetAndPruneEverything()
    _ = try await keeper.acquire()
    #expect(!repository.contains(blob, type: .data))
    await keeper.releaseUnlessNeeded()
  }

  @Test("a removed lock is replaced before a commit relies on it, with a fresh index")
  func unconfirmed() async throws {
    let repository = try await TestMount.makeRepository(on: storage)
    let blob = try await Self.storeBlob(in: repository)
    let keeper = Self.makeKeeper(repository)
    let isNeeded = Switch()
    isNeeded.isOn = true
    keeper.keep { isNeeded.isOn }
    let first = try await keeper.acquire().id
    #expect(try await keeper.holding(isConfirmed: true) { $0.id } == first)
    storage[.lock(first)] = nil
    storage.forgetAndPruneEverything()
    let second = try await keeper.holding(isConfirmed: true) { $0 }
    #expect(second.id != first && keeper.heldLock == second.id)
    try await second.confirm()
    #expect(try await storage.list(.lock).map(\.file) == [.lock(second.id)])
    #expect(!repository.contains(blob, type: .data))
    isNeeded.isOn = false
    await keeper.releaseUnlessNeeded()
    #expect(try await storage.list(.lock).isEmpty)
  }

  // R5 An index file that names packs which are gone is damage to restic, even if no snapshot needs them.
  @Test("no index file names packs that were pruned after the lock was removed")
  func noIndexOfPrunedPacks() async throws {
    let repository = try await TestMount.makeRepository(on: storage)
    let keeper = Self.makeKeeper(repository)
    let storage = self.storage
    await #expect {
      try await keeper.holding(isConfirmed: true) { lock in
        let uploader = repository.makeUploader()
        let root = try await uploader.add(Tree(nodes: []).encode(), type: .tree)
        try await uploader.flush()
        storage[.lock(lock.id)] = nil
        storage.forgetAndPruneEverything()
        _ = try await uploader.finish(root: root)
      }
    } throws: { error in
      if case RepositoryError.lockLost = error { true } else { false }
    }
    #expect(try await storage.list(.index).isEmpty)
    #expect(keeper.heldLock == nil)
  }

  @Test("over a network a lock is confirmed before an index file is written, even if it was seen a moment before")
  func lookBesideStoring() async throws {
    let backend = DistantBackend(storage)
    let repository = try await TestMount.makeRepository(on: backend)
    let keeper = Self.makeKeeper(repository)
    let storage = self.storage
    let isNeeded = Switch()
    isNeeded.isOn = true
    keeper.keep { isNeeded.isOn }
    let uploader = repository.makeUploader()
    let first = try await keeper.acquire()
    let root = try await uploader.add(Tree(nodes: []).encode(), type: .tree)
    try await uploader.flush()
    storage[.lock(first.id)] = nil
    storage.forgetAndPruneEverything()
    await #expect(throws: RepositoryError.self) {
      try await keeper.holding(isConfirmed: true) { _ in _ = try await uploader.finish(root: root) }
    }
    #expect(try await storage.list(.index).isEmpty)
    let second = try await keeper.acquire()
    #expect(second.id != first.id && !repository.contains(root, type: .tree), "a new lock knows what is gone")
    isNeeded.isOn = false
    await keeper.releaseUnlessNeeded()
  }

  @Test("a lock is released when its last scope ends, unless something still needs it")
  func scopes() async throws {
    let repository = try await TestMount.makeRepository(on: storage)
    let keeper = Self.makeKeeper(repository)
    let isNeeded = Switch()
    keeper.keep { isNeeded.isOn }
    try await keeper.holding(isConfirmed: false) { lock in
      try await keeper.holding(isConfirmed: true) { inner in #expect(inner.id == lock.id) }
      await keeper.releaseUnlessNeeded()
      #expect(keeper.heldLock == lock.id, "the outer scope lasts")
    }
    #expect(keeper.heldLock == nil)
    await #expect(throws: CancellationError.self) {
      try await keeper.holding(isConfirmed: false) { _ in throw CancellationError() }
    }
    #expect(keeper.heldLock == nil, "a scope that fails gives the lock back as well")
    isNeeded.isOn = true
    try await keeper.holding(isConfirmed: false) { _ in }
    #expect(keeper.heldLock != nil)
    isNeeded.isOn = false
    await keeper.releaseUnlessNeeded()
    #expect(try await storage.list(.lock).isEmpty)
  }

  @Test("a lock whose index cannot be loaded is released, and the next attempt takes a new lock")
  func failingIndex() async throws {
    let isBroken = Switch()
    let backend = FaultBackend(storage) { call in
      isBroken.isOn && call.operation == .list && call.type == .index ? .nothingDone(FaultBackend.hiccup) : nil
    }
    let keeper = Self.makeKeeper(try await TestMount.makeRepository(on: backend))
    isBroken.isOn = true
    await #expect(throws: RepositoryError.self) { try await keeper.acquire() }
    #expect(keeper.heldLock == nil)
    #expect(try await storage.list(.lock).isEmpty)
    isBroken.isOn = false
    #expect(try await keeper.acquire().id == keeper.heldLock)
    await keeper.releaseUnlessNeeded()
  }
}
