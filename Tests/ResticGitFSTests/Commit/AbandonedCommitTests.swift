import ResticCore
import ResticTestSupport
import Testing

@testable import ResticGitFS

@Suite("Commits whose callers have given up", .timeLimit(.minutes(30)))
struct AbandonedCommitTests {
  // P1 A commit that was begun goes on, and one that waits for it ends with its caller.
  @Test("a waiting commit whose caller gave up is not started; a running commit goes on")
  func abandoned() async throws {
    let storage = MemoryBackend()
    let turnstile = Turnstile(stopping: 0)
    let mount = try await TestMount(TestMount.makeRepository(on: turnstile.backend(of: 0, to: storage)))
    try await mount.write(Array("first".utf8), to: "f")
    _ = try await mount.lockKeeper.acquire()
    turnstile.stop(beforeCall: 1)
    let first = Task {
      defer { turnstile.end() }
      return try await mount.coordinator.commit(.sync)
    }
    try #require(await turnstile.isStopping())
    let others = (0..<3).map { _ in Task { try await mount.coordinator.commit(.sync) } }
    for task in others + [first] { task.cancel() }
    turnstile.release()
    guard case .saved = try await first.value else {
      Issue.record("a commit that was begun goes on")
      return
    }
    for task in others { await #expect(throws: RepositoryError.self) { try await task.value } }
    #expect(mount.coordinator.current.lastError == nil)
    #expect(mount.coordinator.current.phase == .clean)
  }
}
