import ResticCore
import ResticTestSupport
import Testing

@testable import ResticGitFS

/// N11, R10: what of a commit goes on at once in a network, and what never does.
@Suite("The order of a commit's calls over a network", .timeLimit(.minutes(30)))
struct CommitRoundsTests {
  /// A mount of a repository at the end of a network, with one snapshot. The storage calls `pause` before each call.
  private static func makeMount(
    isImmediate: Bool, isForOneProgram: Bool = false,
    pause: @escaping @Sendable (BackendCall) async -> Void = { _ in }
  ) async throws -> (TestMount, DistantBackend, MemoryBackend) {
    let memory = MemoryBackend()
    let first = try await TestMount(TestMount.makeRepository(on: memory))
    try await first.write([1], to: "d/f")
    _ = try await first.commit()
    let storage = FaultBackend(memory, pause: pause, fault: { _ in nil })
    let distant = DistantBackend(storage, roundTrip: .milliseconds(40), isImmediate: isImmediate)
    let mount = try await TestMount(TestMount.openRepository(on: distant), isForOneProgram: isForOneProgram)
    return (mount, distant, memory)
  }

  @Test(
    "packs are saved before the index, and the index before the snapshot; snapshots are listed under the commit lock only",
    arguments: [true, false])
  func order(isImmediate: Bool) async throws {
    let (mount, distant, memory) = try await Self.makeMount(isImmediate: isImmediate)
    try await mount.write([2], to: "d/g")
    let before = distant.exchanges.count
    guard case .saved = try await mount.commit() else {
      Issue.record("a change makes a snapshot")
      return
    }
    let calls = Array(distant.exchanges[before...])
    let all = { (name: String) in calls.filter { $0.name == name } }
    let index = try #require(all("save index").first)
    let snapshot = try #require(all("save snapshots").first)
    for pack in all("save data") { #expect(pack.end <= index.begin) }
    #expect(all("save data").count == 2 && all("save index").count == 1 && all("save snapshots").count == 1)
    #expect(index.end <= snapshot.begin)

    // The commit lock is the last one written before: the first is the repository's, which the change asked for.
    let lock = try #require(all("save locks").last { $0.end <= snapshot.begin })
    let look = try #require(all("list snapshots").first)
    let held = all("list locks").filter { $0.begin >= lock.end && $0.end <= look.begin }
    #expect(!held.isEmpty, "the lock is seen before the snapshots are listed")
    if !isImmediate { #expect(held.contains { $0.begin - lock.end >= .milliseconds(190) }) }
    #expect(look.end <= snapshot.begin)
    // Both are confirmed beside the look, and the commit lock after the saving.
    #expect(all("list locks").contains { $0.begin >= lock.end && $0.begin >= held[0].end && $0.end <= snapshot.begin })
    #expect(all("list locks").contains { $0.begin >= snapshot.end })
    #expect(all("remove locks").allSatisfy { $0.begin >= snapshot.end })
    // The config was read a moment before: a second, and the time that a busy machine adds.
    let config = try #require(distant.exchanges.last { $0.name == "load config" && $0.end <= snapshot.begin })
    #expect(snapshot.begin - config.begin <= .seconds(120))
    #expect(
      all("list index").isEmpty || all("list index").allSatisfy { $0.end <= index.begin }, "nothing is to be merged")
    #expect(try await memory.list(.lock).isEmpty)
  }

  @Test("under a reserved commit lock, the commit looks for other snapshots while it stores the contents")
  func early() async throws {
    let (isCommitting, isLooking) = (Switch(), Switch())
    let (mount, distant, memory) = try await Self.makeMount(isImmediate: true, isForOneProgram: true) { call in
      guard isCommitting.isOn else { return }
      if call.operation == .list, call.type == .snapshot { isLooking.isOn = true }
      // If nothing looks for snapshots while the index waits, the order below is wrong.
      if call.operation == .save, call.type == .index { try? await waitUntil { isLooking.isOn } }
    }
    try await mount.write([2], to: "d/g")
    _ = try await mount.lockKeeper.acquire()
    _ = try await mount.coordinator.current.reservation?.reservedLock()
    let before = distant.exchanges.count
    isCommitting.isOn = true
    guard case .saved = try await mount.commit() else {
      Issue.record("a change makes a snapshot")
      return
    }
    let calls = distant.exchanges[before...]
    let look = try #require(calls.first { $0.name == "list snapshots" })
    let index = try #require(calls.first { $0.name == "save index" })
    let snapshot = try #require(calls.first { $0.name == "save snapshots" })
    #expect(look.begin < index.end && look.end <= snapshot.begin && index.end <= snapshot.begin)
    #expect(calls.count { $0.name == "list snapshots" } == 1)
    #expect(try await memory.list(.lock).isEmpty)
  }

  @Test("a client does not read its own locks, and requests the size of no single file")
  func spared() async throws {
    let (mount, distant, _) = try await Self.makeMount(isImmediate: true)
    try await mount.write([2], to: "d/g")
    _ = try await mount.commit()
    #expect(!distant.exchanges.contains { $0.name == "load locks" || $0.name.hasPrefix("stat") })
  }
}
