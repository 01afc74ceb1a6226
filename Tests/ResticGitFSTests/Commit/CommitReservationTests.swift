import Logging
import ResticCore
import ResticTestSupport
import Testing

@testable import ResticGitFS

@Suite("A commit lock that is taken early", .timeLimit(.minutes(30)))
struct CommitReservationTests {
  private static func reservation(_ repository: Repository, retryFor: Duration = .zero) -> CommitReservation {
    CommitReservation(of: repository, retryFor: retryFor, logger: repository.settings.logger)
  }

  @Test("keeps other clients from committing, and is removed when it is given up, taken or not")
  func giveUp() async throws {
    let backend = MemoryBackend()
    let repository = try await TestMount.makeRepository(on: backend)
    let first = Self.reservation(repository)
    try await first.lock().confirm()
    let other = Self.reservation(try await TestMount.openRepository(on: backend))
    await #expect(throws: RepositoryError.self) { try await other.lock() }
    let third = Self.reservation(try await TestMount.openRepository(on: backend), retryFor: .seconds(300))
    await third.giveUp()
    await #expect(throws: RepositoryError.self) { try await third.lock() }
    await first.giveUp()
    #expect(try await backend.list(.lock).isEmpty)
  }

  @Test("is released by a commit that saves something, finds nothing to save, or fails")
  func commits() async throws {
    let isBroken = Locked(false)
    let memory = MemoryBackend()
    let backend = FaultBackend(memory) { call in
      guard isBroken.withLock({ $0 }), call.operation == .save, call.type == .data else { return nil }
      return .nothingDone(FaultBackend.death)
    }
    let mount = try await TestMount(TestMount.makeRepository(on: backend), isForOneProgram: true)
    try await mount.write([1], to: "f")
    guard case .saved = try await mount.coordinator.commit(.sync) else {
      Issue.record("a change makes a snapshot")
      return
    }
    #expect(try await memory.list(.lock).isEmpty)

    try await mount.write([2], to: "f")
    isBroken.withLock { $0 = true }
    await #expect(throws: (any Error).self) { try await mount.coordinator.commit(.sync) }
    // The lock for unsaved changes.
    #expect(try await memory.list(.lock).count == 1)
    isBroken.withLock { $0 = false }
    _ = try await mount.coordinator.commit(.sync)
    #expect(try await memory.list(.lock).isEmpty)
    #expect(try await TestMount(TestMount.openRepository(on: memory)).read("f") == [2])

    try await mount.write([3], to: "refs.lock")
    _ = try await mount.coordinator.commit(.sync)
    await mount.coordinator.discard()
    #expect(try await memory.list(.lock).isEmpty)
  }
}
