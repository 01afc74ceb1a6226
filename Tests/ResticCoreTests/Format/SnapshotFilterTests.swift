import Testing

@testable import ResticCore

@Suite struct SnapshotFilterTests {
  private let snapshot = Snapshot(
    time: .zero, tree: BlobID(words: (0, 0, 0, 0)), paths: ["/a", "/b"], hostname: "here", tags: ["x", "y"])

  @Test("an empty filter matches everything")
  func empty() {
    #expect(SnapshotFilter().isEmpty)
    #expect(SnapshotFilter().matches(snapshot))
    #expect(
      !SnapshotFilter(hosts: ["here"]).isEmpty && !SnapshotFilter(tags: [[]]).isEmpty
        && !SnapshotFilter(paths: [""]).isEmpty)
  }

  @Test("one matching host is enough")
  func hosts() {
    #expect(SnapshotFilter(hosts: ["there", "here"]).matches(snapshot))
    #expect(!SnapshotFilter(hosts: ["there", "HERE"]).matches(snapshot))
  }

  @Test("all tags of one list must match")
  func tags() {
    #expect(SnapshotFilter(tags: [["x"]]).matches(snapshot))
    #expect(SnapshotFilter(tags: [["z"], ["y", "x"]]).matches(snapshot))
    #expect(!SnapshotFilter(tags: [["x", "z"]]).matches(snapshot))
    #expect(SnapshotFilter(tags: [[]]).matches(snapshot))
  }

  @Test("the empty tag matches snapshots without tags")
  func untagged() {
    var untagged = snapshot
    untagged.tags = []
    #expect(SnapshotFilter(tags: [[""]]).matches(untagged))
    #expect(!SnapshotFilter(tags: [[""]]).matches(snapshot))
    #expect(!SnapshotFilter(tags: [["x"]]).matches(untagged))
  }

  @Test("all paths must match")
  func paths() {
    #expect(SnapshotFilter(paths: ["/b", "/a"]).matches(snapshot))
    #expect(!SnapshotFilter(paths: ["/a", "/c"]).matches(snapshot))
    #expect(!SnapshotFilter(paths: ["/"]).matches(snapshot))
  }

  @Test("hosts, tags and paths must all match, byte by byte")
  func all() {
    #expect(SnapshotFilter(hosts: ["here"], tags: [["x"]], paths: ["/a"]).matches(snapshot))
    #expect(!SnapshotFilter(hosts: ["there"], tags: [["x"]], paths: ["/a"]).matches(snapshot))
    var composed = snapshot
    composed.hostname = "é"
    #expect(!SnapshotFilter(hosts: ["e\u{301}"]).matches(composed))
  }
}
