import Testing

@testable import ResticCore

// D1 The newest snapshot of each group is remembered, as many as there is room for.
@Suite("The snapshots that were seen in a repository")
struct SeenSnapshotsTests {
  static func saved(
    _ number: Int, _ seconds: Int64? = nil, host: String = "h", paths: [String] = ["/git"], tags: [String] = []
  ) -> SavedSnapshot {
    var snapshot = Snapshot(
      time: Timestamp(seconds: 1_700_000_000 + (seconds ?? Int64(number)), nanoseconds: 0),
      parent: SHA256.id(of: Array("\(number - 1)".utf8)), tree: SHA256.id(of: Array("tree \(number)".utf8)),
      paths: paths,
      hostname: host, username: "u", uid: 3, excludes: ["x"], tags: tags, programVersion: "restic-gitfs 1")
    snapshot.mergedParents = [SHA256.id(of: Array("merged".utf8))]
    return SavedSnapshot(id: SHA256.id(of: Array("\(number)".utf8)), snapshot: snapshot)
  }

  @Test("the newest snapshot of each host, set of paths and set of tags is kept, whatever their order")
  func groups() {
    var seen = SeenSnapshots()
    seen.note([
      Self.saved(1), Self.saved(2, host: "other"), Self.saved(3, paths: ["/a", "/b"]), Self.saved(4, tags: ["t", "u"]),
      Self.saved(5, paths: ["/b", "/a"]), Self.saved(6, tags: ["u", "t"]), Self.saved(7),
    ])
    #expect(seen.newest.map(\.id) == [2, 5, 6, 7].map { Self.saved($0).id })
    let newest = seen.newest[3].snapshot
    #expect(newest.parent == Self.saved(7).snapshot.parent && newest.mergedParents.count == 1)
    #expect(newest.excludes.isEmpty && newest.username.isEmpty && newest.programVersion == "restic-gitfs 1")
  }

  @Test("neither an older snapshot nor the same snapshot changes anything")
  func older() {
    var seen = SeenSnapshots()
    seen.note([Self.saved(1), Self.saved(5)])
    let before = seen
    seen.note([Self.saved(4)])
    seen.note([Self.saved(5)])
    seen.note([])
    #expect(seen == before && seen.newest.map(\.id) == [Self.saved(5).id])
  }

  @Test("of too many groups those with the newest snapshots are kept")
  func room() {
    let all = (0..<200).map { Self.saved($0, host: "h\($0)") }
    var seen = SeenSnapshots()
    for saved in all.shuffled() { seen.note([saved]) }
    #expect(seen.newest.map(\.id) == all.suffix(SeenSnapshots.groupLimit).map(\.id))
    var atOnce = SeenSnapshots()
    atOnce.note(all)
    #expect(atOnce == seen)
  }

  @Test("groups that the caller prefers stay, however many other groups have newer snapshots")
  func preference() {
    var seen = SeenSnapshots()
    let ours = (0..<3).map { Self.saved($0, host: "ours\($0)") }
    func isOurs(_ snapshot: Snapshot) -> Bool { snapshot.hostname.hasPrefix("ours") }
    seen.note(ours, preferring: isOurs)
    seen.note((10..<300).map { Self.saved($0, tags: ["job \($0)"]) }, preferring: isOurs)
    #expect(seen.newest.count == SeenSnapshots.groupLimit && seen.newest.prefix(3).map(\.id) == ours.map(\.id))
    #expect(seen.newest.last?.id == Self.saved(299).id)
    var atOnce = SeenSnapshots()
    atOnce.note(ours + (10..<300).map { Self.saved($0, tags: ["job \($0)"]) }, preferring: isOurs)
    #expect(atOnce == seen)
  }

  @Test("an accepted loss is no longer seen; the last ones are remembered as lost until they are back")
  func givingUp() {
    var seen = SeenSnapshots()
    seen.note([Self.saved(1), Self.saved(2, host: "other")])
    seen.giveUp([Self.saved(1).id])
    #expect(seen.newest.map(\.id) == [Self.saved(2).id] && seen.givenUp == [Self.saved(1).id])
    seen.note([Self.saved(1)])
    #expect(seen.newest.count == 2 && seen.givenUp.isEmpty)
    for number in 0..<100 { seen.giveUp([Self.saved(number).id]) }
    #expect(seen.givenUp == (100 - SeenSnapshots.givenUpLimit..<100).map { Self.saved($0).id })
  }
}
