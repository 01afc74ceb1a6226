import ResticTestSupport
import Testing

@testable import ResticCore

@Suite("Forks in the history of snapshots")
struct SnapshotForkTests {
  private static func id(_ name: String) -> SnapshotID { SHA256.id(of: Array(name.utf8)) }

  /// `name`, made from `parent`, at second `time`.
  private static func saved(
    _ name: String, _ parent: String?, time: Int64 = 0, original: String? = nil, merged: [String] = []
  ) -> SavedSnapshot {
    var snapshot = Snapshot(
      time: Timestamp(seconds: time, nanoseconds: 0), parent: parent.map(id), tree: SHA256.id(of: []), paths: ["/git"],
      original: original.map(id))
    snapshot.mergedParents = merged.map(id)
    return SavedSnapshot(id: id(name), snapshot: snapshot)
  }

  private static func forks(_ snapshots: [SavedSnapshot], newcomers: [String] = []) -> [String] {
    guard let newest = snapshots.last else { return [] }
    let names = ["a", "b", "c", "d", "e", "f", "g"]
    func name(_ id: SnapshotID) -> String { names.first { Self.id($0) == id } ?? "?" }
    return SnapshotFork.forks(among: snapshots, beside: newest, newcomers: Set(newcomers.map(id))).map { fork in
      "\(name(fork.head.id))<\(fork.base.map(name) ?? "")"
    }
  }

  @Test("a linear history has no fork")
  func line() {
    #expect(Self.forks([Self.saved("a", nil)]).isEmpty)
    #expect(Self.forks([Self.saved("a", nil), Self.saved("b", "a"), Self.saved("c", "b")]).isEmpty)
  }

  @Test("a late snapshot is found, whether it hides the other snapshot or is hidden by it")
  func late() {
    #expect(Self.forks([Self.saved("a", nil), Self.saved("b", "a"), Self.saved("c", "a")]) == ["b<a"])
    #expect(Self.forks([Self.saved("a", nil), Self.saved("c", "a"), Self.saved("b", "a")]) == ["c<a"])
    #expect(
      Self.forks([Self.saved("a", nil), Self.saved("b", "a"), Self.saved("c", "a"), Self.saved("d", "c")]) == ["b<a"],
      "also when somebody built upon the other")
  }

  @Test("a longer fork has one head, and its base is where it began")
  func longFork() {
    let fork = [Self.saved("b", "a"), Self.saved("c", "b"), Self.saved("d", "b")]
    #expect(Self.forks([Self.saved("a", nil)] + fork + [Self.saved("e", "a")]) == ["c<a", "d<a"])
    #expect(Self.forks([Self.saved("a", nil), fork[0], fork[1], Self.saved("e", "a")]) == ["c<a"])
  }

  @Test("neither a merged fork nor its ancestors count as a fork")
  func merged() {
    let snapshots = [Self.saved("a", nil), Self.saved("b", "a"), Self.saved("c", "b"), Self.saved("d", "a")]
    #expect(Self.forks(snapshots) == ["c<a"])
    #expect(Self.forks(snapshots + [Self.saved("e", "d", merged: ["c"])]).isEmpty)
    #expect(Self.forks(snapshots + [Self.saved("e", "d", merged: ["c"]), Self.saved("f", "e")]).isEmpty)
  }

  @Test("the common base may have been forgotten")
  func forgotten() {
    #expect(Self.forks([Self.saved("b", "a"), Self.saved("c", "a")]) == ["b<a"])
    #expect(Self.forks([Self.saved("b", "a"), Self.saved("d", "c")]).isEmpty, "no relation is known")
    #expect(Self.forks([Self.saved("b", nil), Self.saved("d", "c")]).isEmpty)
  }

  @Test("without a common base a snapshot is a fork only if the caller knows it, and the last one is the head")
  func unrelated() {
    let snapshots = [Self.saved("b", nil), Self.saved("c", "b"), Self.saved("d", nil), Self.saved("e", nil)]
    #expect(Self.forks(snapshots).isEmpty)
    #expect(Self.forks(snapshots, newcomers: ["b", "c", "e"]) == ["c<"])
    #expect(Self.forks(snapshots + [Self.saved("f", "e", merged: ["c"])], newcomers: ["b", "c", "e"]).isEmpty)
  }

  @Test("forgotten snapshots still connect a snapshot with its ancestors")
  func lineage() {
    let snapshots = [Self.saved("f", "a", original: "b"), Self.saved("c", "b"), Self.saved("d", "c", merged: ["g"])]
    func builds(upon name: String) -> Bool { SnapshotFork.builds(snapshots[2], upon: Self.id(name), among: snapshots) }
    for name in ["a", "b", "c", "d", "f", "g"] { #expect(builds(upon: name), "\(name)") }
    #expect(!builds(upon: "e"))
  }

  @Test("a snapshot that was tagged or rewritten under a new name counts as the same")
  func rewritten() {
    let tagged = Self.saved("f", "a", original: "b")
    #expect(Self.forks([Self.saved("a", nil), tagged, Self.saved("c", "b")]).isEmpty)
    #expect(Self.forks([Self.saved("a", nil), tagged, Self.saved("c", "a")]) == ["f<a"])
    #expect(Self.forks([Self.saved("a", nil), tagged, Self.saved("g", "b"), Self.saved("c", "a")]) == ["g<a"])
  }

  @Test("a cycle of parents does no harm")
  func circle() {
    #expect(Self.forks([Self.saved("a", "b"), Self.saved("b", "a")]).isEmpty)
    #expect(Self.forks([Self.saved("a", "b"), Self.saved("b", "a"), Self.saved("c", "c")]).isEmpty)
  }

  @Test("a walk from each snapshot finds the same forks in random histories with gaps, merges and new names")
  func model() {
    for seed in UInt64(0)..<3000 {
      var random = SplitMix64(seed: seed)
      let snapshots = Self.randomHistory(&random)
      let newcomers = Set(snapshots.map(\.id).filter { _ in random.next() % 4 == 0 })
      for newest in snapshots {
        let expected = NaiveForks.forks(among: snapshots, beside: newest, newcomers: newcomers)
        let forks = SnapshotFork.forks(among: snapshots, beside: newest, newcomers: newcomers)
        #expect(forks == expected, "seed \(seed)")
      }
    }
  }

  /// Up to 12 snapshots, each made from earlier ones, some of which were forgotten or have new names since.
  private static func randomHistory(_ random: inout SplitMix64) -> [SavedSnapshot] {
    var snapshots: [SavedSnapshot] = []
    for number in 0..<Int.random(in: 1...12, using: &random) {
      func earlier() -> String { "\(Int.random(in: 0...max(number - 1, 0), using: &random))" }
      let isFirst = number == 0 || random.next() % 8 == 0
      let merged = random.next() % 4 == 0 ? (0..<Int.random(in: 1...3, using: &random)).map { _ in earlier() } : []
      let isRenamed = random.next() % 5 == 0
      snapshots.append(
        saved(
          isRenamed ? "\(number) renamed" : "\(number)", isFirst ? nil : earlier(), time: Int64(number),
          original: isRenamed ? "\(number)" : nil, merged: number == 0 ? [] : merged))
    }
    let kept = snapshots.filter { _ in random.next() % 5 != 0 }
    return kept.isEmpty ? snapshots : kept
  }

  @Test(
    "each of 50,000 snapshots with gaps is visited once, and not once for every later snapshot",
    .timeLimit(.minutes(30)))
  func many() {
    let count = 50_000
    func line(_ name: String) -> [SavedSnapshot] {
      (0..<count).map { Self.saved("\(name)\($0)", $0 == 0 ? nil : "\(name)\($0 - 1)", time: Int64($0)) }
    }
    var gaps = line("a")
    for place in [45_000, 25_000, 1] { gaps.remove(at: place) }
    let newcomers = Set(gaps.map(\.id))
    #expect(Self.forks(gaps).isEmpty)
    // The parts before the gaps: nothing tells that the newest builds upon them.
    #expect(SnapshotFork.forks(among: gaps, beside: gaps[gaps.count - 1], newcomers: newcomers).count == 3)
    let unrelated = line("b")
    #expect(Self.forks(gaps + unrelated).isEmpty)
    let branches = (1..<count).map { Self.saved("c\($0)", "b\($0 - 1)") } + unrelated
    #expect(SnapshotFork.forks(among: branches, beside: branches[branches.count - 1]).count == count - 1)
  }

  @Test("merged parents are stored in the file, and an invalid value does not count as a parent")
  func encoding() throws {
    var snapshot = Self.saved("e", "d", merged: ["b", "c"]).snapshot
    #expect(try Snapshot.decode(snapshot.encode()).mergedParents == [Self.id("b"), Self.id("c")])
    snapshot.mergedParents = []
    #expect(snapshot.unknownFields.isEmpty)
    for nonsense in ["7", "null", "[1]", "[\"xyz\"]", "{}", "\"\""] {
      snapshot.unknownFields = [UnknownField(key: "resticGitFSMerged", rawValue: Array(nonsense.utf8))]
      #expect(snapshot.mergedParents.isEmpty)
    }
  }
}

/// The forks, found by a walk of its own from each snapshot.
private enum NaiveForks {
  static func forks(
    among snapshots: [SavedSnapshot], beside newest: SavedSnapshot, newcomers: Set<SnapshotID>
  ) -> [SnapshotFork] {
    var byID: [SnapshotID: SavedSnapshot] = [:]
    for saved in snapshots + [newest] {
      if let original = saved.snapshot.original { byID[original] = saved }
    }
    for saved in snapshots + [newest] { byID[saved.id] = saved }
    func parents(_ saved: SavedSnapshot) -> [SnapshotID] {
      saved.snapshot.mergedParents + (saved.snapshot.parent.map { [$0] } ?? [])
    }
    var lineage: Set<SnapshotID> = []
    var open = [newest.id]
    while let id = open.popLast() {
      guard lineage.insert(id).inserted, let saved = byID[id] else { continue }
      open += parents(saved)
      if let original = saved.snapshot.original { lineage.insert(original) }
      lineage.insert(saved.id)
    }
    var forks: [SnapshotFork] = []
    var inner: Set<SnapshotID> = []
    for saved in snapshots where !lineage.contains(saved.id) {
      var seen: Set<SnapshotID> = []
      var open = parents(saved)
      var base: SnapshotID?
      while let id = open.popLast() {
        guard !lineage.contains(id) else {
          base = base ?? id
          continue
        }
        guard seen.insert(id).inserted, let parent = byID[id] else { continue }
        seen.insert(parent.id)
        open += parents(parent)
      }
      guard base != nil || newcomers.contains(saved.id) else { continue }
      inner.formUnion(seen)
      forks.append(SnapshotFork(head: saved, base: base))
    }
    return forks.filter { !inner.contains($0.head.id) }
  }
}
