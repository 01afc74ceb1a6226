import ResticCore
import ResticTestSupport
import Testing

@testable import ResticGitFS

@Suite("Commits of two clients whose calls interleave", .timeLimit(.minutes(20)))
struct CommitInterleavingTests {
  /// Runs at a time: they mostly wait for locks.
  private static let width = 8

  @Test(
    "one stops before its call k, for every k, while the other commits: one line of snapshots, and nothing is lost",
    arguments: 0...1, ["other files", "the same file"])
  func oneStops(stopped: Int, changing what: String) async throws {
    // The calls of the client that were stopped; their number varies by a few with the order of what goes on beside.
    var count = 0
    var isOver = false
    for first in stride(from: 1, to: 1000, by: Self.width) where !isOver {
      let reached = try await withThrowingTaskGroup(of: Bool.self) { group in
        for number in first..<first + Self.width {
          group.addTask {
            try await Self.play(stopping: stopped, beforeCall: number, isSameFile: what == "the same file")
          }
        }
        return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      count += reached
      isOver = reached < Self.width
    }
    #expect(isOver && count > 15, "it ends, and has stopped often")
    print("interleavings: client \(stopped) stopped before each of its \(count) calls; both change \(what)")
  }

  /// Both clients change something and commit. Says whether the one made that many calls.
  private static func play(stopping stopped: Int, beforeCall number: Int, isSameFile: Bool) async throws -> Bool {
    let storage = MemoryBackend()
    let maker = try await TestMount(TestMount.makeRepository(on: storage))
    try await maker.write(text("base"), to: "d/base")
    _ = try await maker.coordinator.commit(.sync)
    let base = try #require(try await maker.repository.latestSnapshot(matching: SnapshotFilter()))

    let turnstile = Turnstile(stopping: stopped)
    var mounts: [TestMount] = []
    for client in 0...1 {
      mounts.append(try await TestMount(TestMount.openRepository(on: turnstile.backend(of: client, to: storage))))
    }
    let clients = mounts
    let path: @Sendable (Int) -> String = { isSameFile ? "f" : "d/\($0)" }
    let commit: @Sendable (Int) async throws -> SnapshotID? = { client in
      try await clients[client].write(text("client \(client)"), to: path(client))
      return try await clients[client].coordinator.commit(.sync).snapshot
    }
    turnstile.stop(beforeCall: number)
    let first = Task {
      defer { turnstile.end() }
      return try await commit(stopped)
    }
    let isReached = await turnstile.isStopping()
    let second = try await commit(1 - stopped)
    turnstile.release()
    let saved = Set([try await first.value, second].compactMap { $0 })

    let place: Comment = "client \(stopped) stopped before call \(number)"
    let reader = try await TestMount(TestMount.openRepository(on: storage))
    let snapshots = try await reader.repository.snapshots().sorted { $0.snapshot.time < $1.snapshot.time }
    #expect(snapshots.map(\.snapshot.parent) == [nil] + snapshots.dropLast().map(\.id), place)
    #expect(snapshots.first?.id == base.id && saved == Set(snapshots.dropFirst().map(\.id)) && saved.count == 2, place)
    #expect(try await reader.read("d/base") == text("base"), place)
    var contents: [[UInt8]] = []
    if isSameFile {
      let kept = try await reader.names().filter { $0.hasPrefix("f") }
      for name in kept { contents.append(try await reader.read(name)) }
    } else {
      for client in 0...1 { contents.append(try await reader.read(path(client))) }
    }
    #expect(Set(contents) == [text("client 0"), text("client 1")] && contents.count == 2, place)
    #expect(try await storage.list(.lock).isEmpty, place)
    return isReached
  }

  private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }
}
