import ResticCore
import ResticTestSupport
import Testing

@testable import ResticGitFS

/// G4: nothing of a push that was not saved is there.
@Suite("Changes that are discarded", .timeLimit(.minutes(30)))
struct DiscardTests {
  private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

  /// With `heedsCancellation` the storage does not save a snapshot for a task that is cancelled.
  @Test(
    "at any call of a commit: a snapshot is never saved later, unless its save had begun",
    arguments: [true, false])
  func everyMoment(heedsCancellation: Bool) async throws {
    var outcomes: Set<Bool> = []
    for number in 1... {
      let storage = MemoryBackend()
      let maker = try await TestMount(TestMount.makeRepository(on: storage))
      try await maker.write(Self.text("old"), to: "f")
      _ = try await maker.coordinator.commit(.sync)
      let turnstile = Turnstile(stopping: 0)
      let backend = turnstile.backend(
        of: 0,
        to: FaultBackend(storage) { call in
          guard heedsCancellation, call.operation == .save, call.type == .snapshot, Task.isCancelled else { return nil }
          return .nothingDone(.unavailable("cancelled"))
        })
      let mount = try await TestMount(TestMount.openRepository(on: backend))
      try await mount.write(Self.text("new"), to: "f")
      // From here on all calls are the commit's.
      _ = try await mount.lockKeeper.acquire()
      turnstile.stop(beforeCall: number)
      let commit = Task {
        defer { turnstile.end() }
        return try await mount.coordinator.commit(.unmount)
      }
      guard await turnstile.isStopping() else {
        _ = try await commit.value
        await mount.coordinator.discard()
        break
      }
      let isSaving = mount.coordinator.current.isSaving
      outcomes.insert(isSaving)
      let discard = Task { await mount.coordinator.discard() }
      try await waitUntil { mount.coordinator.current.isDiscarded }
      turnstile.release()
      await discard.value
      let count = try await storage.list(.snapshot).count
      #expect(count == (isSaving ? 2 : 1), "stopped before call \(number)")
      let result = await commit.result
      if isSaving { #expect(throws: Never.self, "call \(number)") { try result.get() } }
      #expect(
        try await storage.list(.snapshot).count == count, "call \(number): nothing is saved after discard has ended")
      #expect(try await storage.list(.lock).isEmpty, "call \(number)")
    }
    #expect(outcomes == [false, true], "the commit was stopped before and after the point of no return")
  }
}
