import ResticCore
import ResticTestSupport
import Testing

@testable import ResticGitFS

// D2 What counts as an older state, and what does not.
@Suite("A state that is older than the one seen before")
struct RollbackTests {
  private static func id(_ number: Int) -> SnapshotID { SHA256.id(of: Array("\(number)".utf8)) }

  /// Snapshot `number`, saved `number` hours after the first, with a tree of its own.
  private static func saved(
    _ number: Int, hour: Int? = nil, parent: Int?, tree: Int? = nil, original: Int? = nil, merged: [Int] = [],
    paths: [String] = ["/git"], tags: [String] = [], program: String = "restic-gitfs 1.0"
  ) -> SavedSnapshot {
    var snapshot = Snapshot(
      time: Timestamp(seconds: 1_750_000_000 + Int64(hour ?? number) * 3600, nanoseconds: 0),
      parent: parent.map(id), tree: SHA256.id(of: Array("tree \(tree ?? number)".utf8)), paths: paths, tags: tags,
      original: original.map(id), programVersion: program)
    snapshot.mergedParents = merged.map(id)
    return SavedSnapshot(id: id(number), snapshot: snapshot)
  }

  private static func chain(_ numbers: ClosedRange<Int>) -> [SavedSnapshot] {
    numbers.map { saved($0, parent: $0 - 1) }
  }

  private static func rollback(
    _ seen: SavedSnapshot, _ listed: [SavedSnapshot], where isWanted: (Snapshot) -> Bool = { _ in true }
  ) -> Rollback? {
    Rollback(seen: seen, in: SnapshotList(listed), where: isWanted)
  }

  private let seen = saved(5, parent: 4)

  @Test("an earlier state and an empty one are older; the message names both states with times and ids")
  func older() throws {
    let rollback = try #require(Self.rollback(seen, Self.chain(1...4)))
    #expect(rollback.shown?.id == Self.id(4) && rollback.seen == seen)
    #expect(rollback.message.contains("the storage shows an older state"))
    #expect(rollback.message.contains("\(seen.snapshot.time.localText) (snapshot \(seen.id.short))"))
    let none = try #require(Self.rollback(seen, []))
    #expect(none.shown == nil && none.message.hasPrefix("the storage shows no snapshot, this machine has seen"))
    let others = try #require(Self.rollback(seen, Self.chain(1...4)) { $0.tags.contains("t") })
    #expect(others.shown == nil)
    #expect(!others.message.contains("\n"))
  }

  @Test("a listed snapshot is there, whatever else is gone or new")
  func there() {
    #expect(Self.rollback(seen, [seen]) == nil)
    #expect(Self.rollback(seen, Self.chain(1...5)) == nil)
    #expect(Self.rollback(seen, Self.chain(5...9)) == nil)
  }

  @Test("retention that keeps a newer snapshot is no rollback, with or without the parent")
  func retention() {
    #expect(Self.rollback(seen, Self.chain(6...6)) == nil)
    #expect(Self.rollback(seen, Self.chain(9...9)) == nil)
    // One snapshot a day is kept: an old one, and one whose parents are gone.
    #expect(Self.rollback(seen, [Self.saved(2, parent: 1), Self.saved(9, parent: 8)]) == nil)
    #expect(Self.rollback(seen, Self.chain(1...2) + Self.chain(7...9)) == nil)
  }

  @Test("restic's tag, rewrite and copy are no rollback")
  func replaced() {
    let older = Self.chain(1...4)
    let tagged = Self.saved(50, hour: 5, parent: 4, tree: 5, original: 5, tags: ["t"])
    #expect(Self.rollback(seen, older + [tagged]) == nil)
    #expect(Self.rollback(seen, older + [tagged]) { !$0.tags.contains("t") } == nil, "the filter does not choose it")
    let rewritten = Self.saved(51, hour: 5, parent: 4, tree: 99, original: 5)
    #expect(Self.rollback(seen, older + [rewritten]) == nil)
    // Twice: the original is that of the first time.
    #expect(Self.rollback(tagged, older + [Self.saved(52, hour: 5, parent: 4, tree: 77, original: 5)]) == nil)
    #expect(Self.rollback(seen, older + [Self.saved(53, hour: 5, parent: 4, tree: 5)]) == nil)
    // A newer copy of something else has no parent, and says nothing.
    #expect(Self.rollback(seen, older + [Self.saved(54, hour: 6, parent: nil, original: 200)]) == nil)
  }

  @Test("a snapshot that names the seen one as its parent, or as merged, proves that it was there")
  func named() {
    let clockIsBehind = Self.saved(60, hour: 3, parent: 5)
    #expect(Self.rollback(seen, Self.chain(1...4) + [clockIsBehind]) == nil)
    #expect(Self.rollback(seen, Self.chain(1...4) + [Self.saved(61, hour: 3, parent: 4, merged: [5])]) == nil)
  }

  @Test("the same content in the newest snapshot is no rollback; in an older one it is")
  func sameTree() {
    #expect(Self.rollback(seen, Self.chain(1...3) + [Self.saved(4, parent: 3, tree: 5)]) == nil)
    #expect(Self.rollback(seen, [Self.saved(1, parent: nil, tree: 5)] + Self.chain(2...4)) != nil)
  }

  @Test("newer snapshots on top of the older state are named as such")
  func around() throws {
    let beside = Self.saved(70, hour: 6, parent: 4)
    let rollback = try #require(Self.rollback(seen, Self.chain(1...4) + [beside]))
    #expect(rollback.message.contains("was made without what this machine has seen"))
    let chain = [Self.saved(71, hour: 7, parent: 70), Self.saved(72, hour: 8, parent: 71)]
    #expect(Self.rollback(seen, Self.chain(1...4) + [beside] + chain) != nil)
    // Tagged meanwhile: its child knows the old name.
    let tagged = Self.saved(73, hour: 6, parent: 4, tree: 70, original: 70)
    #expect(Self.rollback(seen, Self.chain(1...4) + [tagged] + chain) != nil)
    // The first snapshot of a repository that showed none.
    #expect(Self.rollback(seen, [Self.saved(74, hour: 9, parent: nil)]) != nil)
  }

  @Test("unrelated snapshots prove nothing: other paths and tags, and restic's own backups")
  func others() {
    let older = Self.chain(1...4)
    #expect(Self.rollback(seen, older + [Self.saved(80, hour: 6, parent: 4, paths: ["/home"])]) == nil)
    #expect(Self.rollback(seen, older + [Self.saved(81, hour: 6, parent: 4, tags: ["t"])]) == nil)
    #expect(Self.rollback(seen, older + [Self.saved(82, hour: 6, parent: 4, program: "restic 0.16.0")]) == nil)
    // But not where that is not asked for.
    let home = Self.saved(80, hour: 6, parent: nil, paths: ["/home"])
    #expect(Self.rollback(seen, older + [home]) { $0.paths == ["/git"] } != nil)
  }

  @Test("a cycle of parents ends")
  func circle() {
    let circle = [Self.saved(90, hour: 8, parent: 91), Self.saved(91, hour: 9, parent: 90)]
    #expect(Self.rollback(seen, Self.chain(1...4) + circle) == nil)
  }

  @Test("the latest of 20,000 snapshots is judged quickly", .timeLimit(.minutes(30)))
  func many() {
    let all = Self.chain(1...20_000)
    let list = SnapshotList(all)
    #expect(Rollback(seen: all[19_999], in: list) { _ in true } == nil)
    #expect(Rollback(seen: Self.saved(20_001, parent: 20_000), in: list) { _ in true } != nil)
  }
}
