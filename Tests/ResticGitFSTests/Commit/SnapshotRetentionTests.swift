import ProgramVersion
import ResticCore
import ResticTestSupport
import Testing

@testable import ResticGitFS

// C17 Snapshots that a policy does not keep are forgotten after a commit, but for those that clients need.
@Suite("Which snapshots are forgotten after a commit", .timeLimit(.minutes(30)))
struct SnapshotRetentionTests {
  private static let lastOnly: RetentionPolicy = {
    var policy = RetentionPolicy()
    policy.last = .number(1)
    return policy
  }()

  private static func id(_ number: Int) -> SnapshotID {
    SnapshotID(hex: String(repeating: "0", count: 60) + String(10_000 + number).suffix(4)) ?? SHA256.id(of: [])
  }

  /// A snapshot `hours` after the first, upon `parent`.
  private static func snapshot(_ number: Int, hours: Int64, parent: Int?, merging late: [Int] = []) -> SavedSnapshot {
    var snapshot = Snapshot(
      time: Timestamp(seconds: 1_700_000_000 + hours * 3600, nanoseconds: 0), parent: parent.map(id),
      tree: SHA256.id(of: [UInt8(number / 256), UInt8(number % 256)]), paths: ["/git"],
      programVersion: "\(Version.program) 1")
    snapshot.mergedParents = late.map(id)
    return SavedSnapshot(id: id(number), snapshot: snapshot)
  }

  private static func removals(
    _ group: [SavedSnapshot], shown: Int? = nil, at hours: Int64 = 1000, _ policy: RetentionPolicy = lastOnly
  ) -> [Int] {
    SnapshotRetention(policy: policy).removals(
      from: group, shown: shown.map(id), at: Timestamp(seconds: 1_700_000_000 + hours * 3600, nanoseconds: 0)
    ).compactMap { saved in group.firstIndex { $0.id == saved.id } }
  }

  @Test("snapshots of the hour before the newest stay, and so does the one that the mount shows")
  func recent() {
    let group = [(0, 0), (1, 10), (2, 19), (3, 20)].map { number, hours in
      Self.snapshot(number, hours: Int64(hours), parent: number > 0 ? number - 1 : nil)
    }
    #expect(Self.removals(group) == [0, 1, 2])
    #expect(Self.removals(group, shown: 1) == [0, 2])
    // By a clock that is behind.
    #expect(Self.removals(group, at: 11) == [0, 1])
    let near = group.dropLast() + [Self.snapshot(3, hours: 19, parent: 2)]
    #expect(Self.removals(Array(near)) == [0, 1])
  }

  @Test("nothing is forgotten before a late snapshot is merged")
  func fork() {
    let group = [
      Self.snapshot(0, hours: 0, parent: nil), Self.snapshot(1, hours: 10, parent: 0),
      Self.snapshot(2, hours: 11, parent: 0), Self.snapshot(3, hours: 100, parent: 2),
    ]
    #expect(Self.removals(group).isEmpty)
  }

  @Test("snapshots between a late snapshot's base and its merge stay as long as the merge, so that no fork appears")
  func mergedSpan() {
    var group = [
      Self.snapshot(0, hours: 0, parent: nil), Self.snapshot(1, hours: 10, parent: 0),
      Self.snapshot(2, hours: 11, parent: 1), Self.snapshot(3, hours: 12, parent: 1),
      Self.snapshot(4, hours: 13, parent: 2), Self.snapshot(5, hours: 14, parent: 4, merging: [3]),
      Self.snapshot(6, hours: 50, parent: 5),
    ]
    #expect(Self.removals(group) == [0, 1, 2, 3, 4, 5])
    var policy = RetentionPolicy()
    policy.withins = [:]
    policy.within = RetentionPeriod(hours: 37)
    // The merge is kept, so its span is.
    #expect(Self.removals(group, policy) == [0])
    for gone in Self.removals(group, policy).reversed() { group.remove(at: gone) }
    #expect(SnapshotFork.forks(among: group, beside: group[group.count - 1]).isEmpty)
  }

  // D2 What was forgotten is no older state of the storage.
  @Test(
    "random commits and policies: a client that has seen a forgotten snapshot finds no rollback", arguments: 0..<20)
  func noRollback(_ seed: Int) {
    var random = SplitMix64(seed: UInt64(seed))
    var policy = RetentionPolicy()
    policy.last = .number(Int.random(in: 0...3, using: &random))
    policy.counts[.weekly] = .number(Int.random(in: 1...3, using: &random))
    policy.within = RetentionPeriod(days: Int64.random(in: 0...20, using: &random))
    var (group, seen): ([SavedSnapshot], [SavedSnapshot]) = ([], [])
    var (hours, chain, late): (Int64, [Int], [Int]) = (0, [], [])
    for number in 0..<60 {
      hours += Int64.random(in: 3...200, using: &random)
      let saved = Self.snapshot(number, hours: hours, parent: chain.last, merging: late)
      late = []
      group.append(saved)
      seen.append(saved)
      let gone = Set(Self.removals(group, at: hours, policy))
      group = group.indices.filter { !gone.contains($0) }.map { group[$0] }
      if let parent = chain.last, Int.random(in: 0..<6, using: &random) == 0 {
        // Of a client that was stopped while it saved.
        let other = Self.snapshot(1000 + number, hours: hours - 1, parent: parent)
        group.insert(other, at: group.count - 1)
        seen.append(other)
        late = [1000 + number]
      }
      chain.append(number)
      for known in seen {
        #expect(Rollback(seen: known, in: SnapshotList(group), where: { _ in true }) == nil, "\(number)")
      }
    }
    #expect(group.count < 50, "something was forgotten")
  }

  // MARK: By a coordinator

  private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

  /// Saves `count` old snapshots of `host`, each upon the one before.
  private static func fill(_ repository: Repository, _ count: Int, _ change: (inout Snapshot) -> Void = { _ in })
    async throws -> [SavedSnapshot]
  {
    let newest = try #require(try await repository.latestSnapshot(matching: SnapshotFilter()))
    let uploader = repository.makeUploader()
    let tree = try await uploader.finish(root: newest.snapshot.tree)
    var saved: [SavedSnapshot] = []
    for number in 0..<count {
      var snapshot = newest.snapshot
      snapshot.time = Timestamp(seconds: 1_600_000_000 + Int64(number) * 86400, nanoseconds: 0)
      snapshot.parent = saved.last?.id
      change(&snapshot)
      saved.append(try await repository.saveSnapshot(snapshot, of: tree))
    }
    return saved
  }

  @Test("a commit forgets what the policy does not keep, and no others: other paths, restic's own, conflicts")
  func commit() async throws {
    let memory = MemoryBackend()
    let mount = try await TestMount(TestMount.makeRepository(on: memory), keeping: Self.lastOnly)
    try await mount.write(Self.text("1"), to: "file")
    try await mount.commit()
    let old = try await Self.fill(mount.repository, 5)
    let others =
      try await Self.fill(mount.repository, 2) { $0.paths = ["/other"] }
      + Self.fill(mount.repository, 2) { $0.programVersion = "restic 0.14" }
      + Self.fill(mount.repository, 1) { $0.tags = [SnapshotDescription.conflictTag] }
    try await mount.write(Self.text("2"), to: "file")
    guard case .saved(let newest, _) = try await mount.commit() else { throw TestFailure() }
    await mount.coordinator.retentionRun.end(within: .seconds(60))
    let left = Set(try await memory.list(.snapshot).map(\.file.name))
    #expect(left.isDisjoint(with: old.map(\.id.hex)))
    #expect(left.isSuperset(of: others.map(\.id.hex) + [newest.id.hex]))
    // The mount's first snapshot is not an hour old.
    #expect(left.count == others.count + 2)
    #expect(try await memory.list(.lock).isEmpty)
  }

  @Test("a storage that refuses to remove fails no commit, and is asked once")
  func refusing() async throws {
    let memory = MemoryBackend()
    let faulty = FaultBackend(memory) { call in
      call.operation == .remove && call.type == .snapshot ? .nothingDone(.denied("append-only")) : nil
    }
    let mount = try await TestMount(TestMount.makeRepository(on: faulty), keeping: Self.lastOnly)
    try await mount.write(Self.text("1"), to: "file")
    try await mount.commit()
    let old = try await Self.fill(mount.repository, 3)
    for number in 0..<3 {
      try await mount.write(Self.text("\(number) more"), to: "file")
      try await mount.commit()
      await mount.coordinator.retentionRun.end(within: .seconds(60))
    }
    #expect(Set(try await memory.list(.snapshot).map(\.file.name)).isSuperset(of: old.map(\.id.hex)))
    #expect(try await memory.list(.lock).isEmpty)
    let removals = faulty.calls.filter { $0.operation == .remove && $0.type == .snapshot }
    #expect((1...old.count).contains(removals.count))
  }

  @Test("a client whose base was forgotten still merges: no conflict, and both sides' changes survive")
  func forgottenBase() async throws {
    let memory = MemoryBackend()
    let first = try await TestMount(TestMount.makeRepository(on: memory))
    for name in ["a", "b", "c"] { try await first.write(Self.text("old \(name)"), to: name) }
    try await first.commit()
    // As if that had been long ago.
    let base = try #require(try await Self.fill(first.repository, 1).first)
    for gone in try await first.repository.snapshots() where gone.id != base.id { memory[.snapshot(gone.id)] = nil }
    let client = try await first.again()
    try await client.write(Self.text("ours"), to: "a")

    let other = try await TestMount(TestMount.openRepository(on: memory), keeping: Self.lastOnly)
    try await other.write(Self.text("theirs"), to: "b")
    try await other.remove("c")
    try await other.commit()
    await other.coordinator.retentionRun.end(within: .seconds(60))
    #expect(memory[.snapshot(base.id)] == nil)

    guard case .saved(_, let merge) = try await client.commit() else { throw TestFailure() }
    #expect(merge?.conflicts.isEmpty == true)
    let again = try await client.again()
    #expect(try await again.names() == ["a", "b"])
    #expect(try await again.read("a") == Self.text("ours"))
    #expect(try await again.read("b") == Self.text("theirs"))
  }

  private struct TestFailure: Error {}
}
