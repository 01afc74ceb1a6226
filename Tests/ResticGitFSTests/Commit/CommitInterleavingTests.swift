import ResticCore
import ResticTestSupport
import Testing

@testable import ResticGitFS

@Suite("Commits of two clients whose calls interleave", .timeLimit(.minutes(30)))
struct CommitInterleavingTests {
  /// Runs at a time: they mostly wait for locks.
  private static let width = 8

  @Test(
    "one client stops before its call k, for every k, while the other commits: the history stays linear, and nothing is lost",
    arguments: 0...1, ["other files", "the same file", "other files in a network"])
  func oneStops(stopped: Int, changing what: String) async throws {
    // The calls of the client at which it stopped. Their number varies by a few with the order of simultaneous work.
    var count = 0
    var isOver = false
    for first in stride(from: 1, to: 1000, by: Self.width) where !isOver {
      let reached = try await withThrowingTaskGroup(of: Bool.self) { group in
        for number in first..<first + Self.width {
          group.addTask {
            let round = try await Self.play(
              stopping: stopped, beforeCall: number, isSameFile: what == "the same file",
              isDistant: what.hasSuffix("network"))
            #expect(round.faults.isEmpty, "client \(stopped) stopped before call \(number)")
            return round.isReached
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

  @Test("the test finds the forks of a commit without the commit lock", arguments: 0...1)
  func withoutCommitLock(stopped: Int) async throws {
    for number in 1..<1000 {
      let round = try await Self.play(stopping: stopped, beforeCall: number, isSameFile: false, seesLocks: false)
      if !round.faults.isEmpty { return }
      try #require(round.isReached, "two clients that do not see each other's locks went unnoticed")
    }
  }

  /// The result of two clients that made changes and committed.
  private struct Round {
    /// Whether the one made as many calls as it was to be stopped before.
    var isReached: Bool
    /// The violations that were found.
    var faults: [String] = []

    mutating func check(_ condition: Bool, _ what: String) {
      if !condition { faults.append(what) }
    }
  }

  /// Both clients change something and commit; without `seesLocks` neither sees the other's locks.
  private static func play(
    stopping stopped: Int, beforeCall number: Int, isSameFile: Bool, seesLocks: Bool = true, isDistant: Bool = false
  ) async throws -> Round {
    let storage = MemoryBackend(isDistant: isDistant)
    let maker = try await TestMount(TestMount.makeRepository(on: storage))
    try await maker.write(text("base"), to: "d/base")
    _ = try await maker.coordinator.commit(.sync)
    let base = try #require(try await maker.repository.latestSnapshot(matching: SnapshotFilter()))

    let turnstile = Turnstile(stopping: stopped)
    var mounts: [TestMount] = []
    for client in 0...1 {
      let backend: any Backend = turnstile.backend(of: client, to: storage)
      mounts.append(
        try await TestMount(TestMount.openRepository(on: seesLocks ? backend : OwnLocksBackend(backend))))
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

    var round = Round(isReached: isReached)
    let reader = try await TestMount(TestMount.openRepository(on: storage))
    let snapshots = try await reader.repository.snapshots().sorted { $0.snapshot.time < $1.snapshot.time }
    round.check(snapshots.map(\.snapshot.parent) == [nil] + snapshots.dropLast().map(\.id), "one line of snapshots")
    round.check(
      snapshots.first?.id == base.id && saved == Set(snapshots.dropFirst().map(\.id)) && saved.count == 2,
      "each client's snapshot, and no other")
    round.check(try await reader.read("d/base") == text("base"), "the base")
    var contents: [[UInt8]] = []
    let names = try await isSameFile ? reader.names().filter { $0.hasPrefix("f") } : [path(0), path(1)]
    // A file that is not there is a fault, too.
    for name in names { if let bytes = try? await reader.read(name) { contents.append(bytes) } }
    round.check(Set(contents) == [text("client 0"), text("client 1")] && contents.count == 2, "both contents")
    round.check(try await storage.list(.lock).isEmpty, "no lock")
    return round
  }

  private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }
}
