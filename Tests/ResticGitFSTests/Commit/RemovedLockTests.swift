import ResticCore
import ResticTestSupport
import Testing

@testable import ResticGitFS

/// R5 Another client removes the lock by force, and may prune.
@Suite("A mount whose lock is removed by force", .timeLimit(.minutes(30)))
struct RemovedLockTests {
  @Test("saves the data in memory under a new lock, at the first visible attempt", arguments: [false, true])
  func inMemory(isDistant: Bool) async throws {
    let storage = MemoryBackend(isDistant: isDistant)
    let mount = try await TestMount(TestMount.makeRepository(on: storage))
    try await mount.write(Array("base".utf8), to: "base")
    _ = try await mount.coordinator.commit(.sync)
    try await mount.write(Array("small".utf8), to: "small")
    let lock = try await mount.lockKeeper.acquire().id
    for file in storage.files.keys where file.type == .lock { storage[file] = nil }
    guard case .saved = try await mount.coordinator.commit(.sync) else {
      Issue.record("there was something to save")
      return
    }
    #expect(mount.lockKeeper.heldLock != lock)
    let other = try await TestMount(TestMount.openRepository(on: storage))
    #expect(try await other.read("small") == Array("small".utf8))
    await mount.coordinator.discard()
    #expect(try await storage.list(.lock).isEmpty)
  }
}
