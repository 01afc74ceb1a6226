import ResticCore
import ResticTestSupport
import Testing

@testable import ResticGitFS

// C16 A newest snapshot that is dated ahead of the clock is named.
@Suite("A newest snapshot from the future")
struct SnapshotAheadTests {
  private static let day: Int64 = 86_400
  private static let now = Timestamp(seconds: 1_750_000_000, nanoseconds: 0)

  private static func saved(_ seconds: Int64, _ id: UInt8, parent: SavedSnapshot? = nil) -> SavedSnapshot {
    SavedSnapshot(
      id: SHA256.id(of: [id] as [UInt8]),
      snapshot: Snapshot(
        time: now.adding(nanoseconds: seconds * 1_000_000_000), parent: parent?.id,
        tree: SHA256.id(of: [9] as [UInt8]), paths: ["/git"]))
  }

  @Test("is reported if it is more than a day ahead, with the commands that re-date and remove it")
  func limit() throws {
    #expect(SnapshotAhead(among: [], at: Self.now) == nil)
    #expect(SnapshotAhead(among: [Self.saved(Self.day, 1)], at: Self.now) == nil)
    let late = Self.saved(Self.day + 1, 1)
    let ahead = try #require(SnapshotAhead(among: [Self.saved(0, 2), late], at: Self.now))
    #expect(ahead.newest == late && ahead.held.isEmpty)
    let text = ahead.message
    #expect(text.contains("snapshot \(late.id.short) is dated \(late.snapshot.time.rfc3339)"))
    #expect(text.contains("`restic forget \(late.id.short)`"))
    #expect(text.contains("`restic rewrite --forget --new-time \"\(Self.now.localText)\" \(late.id.short)`"))
    #expect(!text.contains("\n"))
  }

  @Test("advises to forget only the snapshots that it contains")
  func held() throws {
    let first = Self.saved(2 * Self.day, 1)
    let unrelated = Self.saved(3 * Self.day, 2)
    let second = Self.saved(4 * Self.day, 3, parent: first)
    let ahead = try #require(SnapshotAhead(among: [first, unrelated, second], at: Self.now))
    #expect(ahead.newest == second && ahead.held == [first])
    #expect(ahead.message.contains("`restic forget \(first.id.short)`"))
    #expect(!ahead.message.contains(unrelated.id.short))
    let next = Self.saved(5 * Self.day, 4, parent: second)
    #expect(SnapshotAhead(next, after: ahead, at: Self.now)?.held == [first, second])
    #expect(SnapshotAhead(Self.saved(0, 4), after: ahead, at: Self.now) == nil)
  }

  @Test("finds the contained ones among ten thousand future snapshots in one pass", .timeLimit(.minutes(30)))
  func many() throws {
    let count = 10_000
    var snapshots: [SavedSnapshot] = []
    for number in 0..<count {
      let id = SHA256.id(of: Array("\(number)".utf8), as: SnapshotID.self)
      let template = Self.saved(2 * Self.day + Int64(number), 1, parent: snapshots.last)
      snapshots.append(SavedSnapshot(id: id, snapshot: template.snapshot))
    }
    let ahead = try #require(SnapshotAhead(among: snapshots, at: Self.now))
    #expect(ahead.newest == snapshots.last && ahead.held.count == count - 1)
  }

  @Test("is followed by the smallest step, and reported at every look until it is gone")
  func mount() async throws {
    let backend = MemoryBackend()
    let maker = try await TestMount(TestMount.makeRepository(on: backend))
    try await maker.write([1], to: "f")
    _ = try await maker.coordinator.commit(.sync)
    let first = try #require(try await maker.repository.latestSnapshot(matching: SnapshotFilter()))
    var snapshot = first.snapshot
    snapshot.parent = first.id
    snapshot.time = try #require(Timestamp(rfc3339: "9999-12-31T23:59:59.999Z".utf8))
    let tree = try await maker.repository.makeUploader().finish(root: snapshot.tree)
    let planted = try await maker.repository.saveSnapshot(snapshot, of: tree)

    let mount = try await TestMount(TestMount.openRepository(on: backend))
    _ = try await mount.coordinator.refresh()
    #expect(mount.coordinator.current.ahead?.newest == planted)
    var last = planted
    for number in 0..<3 as Range<UInt8> {
      try await mount.write([number], to: "f")
      guard case .saved(let saved, nil) = try await mount.coordinator.commit(.sync) else {
        Issue.record("each follows the other")
        return
      }
      #expect(saved.snapshot.time == last.snapshot.time.adding(nanoseconds: 1))
      let reader = try await TestMount(TestMount.openRepository(on: backend))
      #expect(try await reader.repository.snapshots().last == saved, "it is the newest as it is stored, too")
      #expect(try await reader.read("f") == [number])
      #expect(mount.coordinator.current.ahead?.newest == saved)
      last = saved
    }
    for saved in try await mount.repository.snapshots() where saved.id != first.id {
      backend[.snapshot(saved.id)] = nil
    }
    _ = try await mount.coordinator.refresh()
    #expect(mount.coordinator.current.ahead == nil)
  }

  @Test("at the end of time makes a commit fail, which names it, and which succeeds once it is gone")
  func endOfTime() async throws {
    let backend = MemoryBackend()
    let maker = try await TestMount(TestMount.makeRepository(on: backend))
    try await maker.write([1], to: "f")
    _ = try await maker.coordinator.commit(.sync)
    var snapshot = try #require(try await maker.repository.latestSnapshot(matching: SnapshotFilter())).snapshot
    snapshot.time = try #require(Timestamp(rfc3339: "9999-12-31T23:59:59.999999999Z".utf8))
    let tree = try await maker.repository.makeUploader().finish(root: snapshot.tree)
    let planted = try await maker.repository.saveSnapshot(snapshot, of: tree)
    let mount = try await TestMount(TestMount.openRepository(on: backend))
    try await mount.write([2], to: "f")
    let error = await #expect(throws: RepositoryError.self) { try await mount.coordinator.commit(.sync) }
    #expect(error?.description.contains("restic forget \(planted.id.short)") == true)
    #expect(try await mount.repository.snapshots().count == 2)
    backend[.snapshot(planted.id)] = nil
    guard case .saved = try await mount.coordinator.commit(.sync) else {
      Issue.record("nothing is in the way any more")
      return
    }
    #expect(try await TestMount(TestMount.openRepository(on: backend)).read("f") == [2])
  }

  @Test("a snapshot whose time would change when it is read is never stored")
  func neverStored() async throws {
    let backend = MemoryBackend()
    let repository = try await TestMount.makeRepository(on: backend)
    let uploader = repository.makeUploader()
    let tree = try await uploader.finish(root: try await uploader.add(Tree().encode(), type: .tree))
    let late = Timestamp(seconds: 253_402_300_800, nanoseconds: 0)
    for (time, end) in [(late, Timestamp.now()), (.now(), late)] {
      let summary = SnapshotSummary(backupStart: .now(), backupEnd: end)
      await #expect(throws: RepositoryError.self) {
        try await repository.saveSnapshot(
          Snapshot(time: time, tree: tree.id, paths: ["/git"], summary: summary), of: tree)
      }
    }
    #expect(try await backend.list(.snapshot).isEmpty)
    await #expect(throws: RepositoryError.self) {
      try await RepositoryLock.acquire(on: repository, clock: LockClock(ContinuousClock()) { late })
    }
    #expect(try await backend.list(.lock).isEmpty)
  }
}
