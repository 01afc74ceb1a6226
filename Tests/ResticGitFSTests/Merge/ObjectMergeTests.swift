import ResticCore
import Testing

@testable import ResticGitFS

@Suite("ObjectMerge")
struct ObjectMergeTests {
  private static func repository(_ objects: FileTree) -> FileTree {
    RefMergeTests.repository(["refs/heads/main": RefMergeTests.one]).changing([
      "objects/info": nil, "objects/pack": nil,
    ])
    .merging(objects.inside("objects"))
  }

  /// The content of `objects` after a merge, which has no conflict.
  private static func merge(_ base: FileTree, _ theirs: FileTree, _ ours: FileTree) async throws -> FileTree {
    let (files, result) = try await MergeFixture().merge(
      repository(base), repository(theirs).merging(["t": "t"]), repository(ours).merging(["o": "o"]))
    #expect(result.conflicts.isEmpty)
    return files.folder("objects")
  }

  @Test(
    "objects and packfiles of either side stay, whatever the other side deleted, unless they are provably redundant")
  func union() async throws {
    let base: FileTree = ["01/a": "a", "02/b": "b", "pack/pack-1.pack": "1", "pack/pack-1.idx": "i"]
    let theirs: FileTree = ["02/b": "b", "03/t": "t", "pack/pack-2.pack": "2", "pack/pack-2.idx": "i2"]
    let ours: FileTree = ["01/a": "a", "01/o": "o", "pack/pack-1.pack": "1", "pack/pack-1.idx": "i"]
    #expect(try await Self.merge(base, theirs, ours) == base.merging(theirs).merging(ours))
    #expect(try await Self.merge(base, ours, theirs) == base.merging(theirs).merging(ours))
    #expect(
      try await Self.merge(base, ["03/t": "t"], ["03/t": "other deflate"]) == ["03/t": "t"], "what both deleted is gone"
    )
  }

  @Test("derived files come from one side, and a packfile keeps its own")
  func derived() async throws {
    let base: FileTree = ["pack/pack-1.pack": "1", "pack/pack-1.idx": "i", "info/commit-graph": "g"]
    let theirs: FileTree = [
      "pack/pack-1.pack": "1", "pack/pack-1.idx": "i", "pack/pack-1.bitmap": "b1", "pack/multi-pack-index": "mt",
      "info/packs": "pt", "info/commit-graphs/chain": "ct",
    ]
    let ours: FileTree = [
      "pack/pack-1.pack": "1", "pack/pack-1.idx": "i", "pack/pack-1.rev": "r", "pack/pack-2.pack": "2",
      "pack/pack-2.idx": "i2",
      "pack/pack-2.rev": "r2", "pack/pack-2.bitmap": "b2", "pack/multi-pack-index": "mo",
      "pack/multi-pack-index-1.bitmap": "mb",
      "info/packs": "po", "info/commit-graph": "go", "info/commit-graphs/x": "cx",
    ]
    #expect(
      try await Self.merge(base, theirs, ours)
        == theirs.merging(["pack/pack-2.pack": "2", "pack/pack-2.idx": "i2", "pack/pack-2.rev": "r2"]))
    #expect(
      try await Self.merge(base, base, ours) == ours.changing(["pack/pack-1.rev": nil]), "theirs did not change them")
    // Our multi-pack-index describes our packfile of this name, but the merge takes theirs.
    let other = base.changing(["pack/pack-1.pack": "one", "info/commit-graph": nil])
    #expect(
      try await Self.merge([:], other, ours).entries.keys.filter { $0.contains("multi") || $0 == "info/packs" } == [])
    let files = try await Self.merge(base, base.merging(["info/x": "t"]), base.merging(["info/y": "o"]))
    #expect(files.folder("info") == ["commit-graph": "g", "x": "t", "y": "o"])
  }

  @Test("files that git has in flight on either side are dropped")
  func inFlight() async throws {
    let base: FileTree = [
      "01/a": "a", "pack/pack-1.pack": "1", "pack/pack-1.idx": "i", "info/commit-graphs/graph-1.graph": "g",
    ]
    let stale: FileTree = [
      "maintenance.lock": "", "01/tmp_obj_AbCdEf": "x", "pack/tmp_pack_AbCdEf": "x", "pack/multi-pack-index.lock": "",
      "info/commit-graphs/commit-graph-chain.lock": "", "info/alternates.lock": "", "incoming-AbCdEf/01/a": "a",
    ]
    let (theirs, ours) = (base.merging(["01/t": "t", "info/t": "t"]), base.merging(["01/o": "o", "info/o": "o"]))
    let expected = theirs.merging(ours)
    #expect(try await Self.merge(base, theirs.merging(stale), ours) == expected)
    #expect(try await Self.merge(base, theirs, ours.merging(stale)) == expected)
    #expect(try await Self.merge(base.merging(stale), theirs.merging(stale), ours.merging(stale)) == expected)
  }

  @Test("an object keeps the later time of use, which a prune goes by")
  func freshened() async throws {
    func objects(_ loose: Int64, _ pack: Int64) -> FileTree {
      ["01/a": .file("a", modifiedAt: loose), "pack/pack-1.pack": .file("1", modifiedAt: pack), "pack/pack-1.idx": "i"]
    }
    for (theirs, ours) in [
      (objects(1, 1), objects(9, 9)), (objects(9, 9), objects(1, 1)), (objects(9, 1), objects(1, 9)),
    ] {
      let merged = try await Self.merge(objects(1, 1), theirs.merging(["02/t": "t"]), ours.merging(["02/o": "o"]))
      #expect(merged["01/a"]?.modifiedAt == 9)
      #expect(merged["pack/pack-1.pack"]?.modifiedAt == 9)
    }
  }

  @Test("packfiles stay locked")
  func keep() async throws {
    let pack: FileTree = ["pack/pack-1.pack": "1", "pack/pack-1.idx": "i"]
    let kept = pack.merging(["pack/pack-1.keep": "k"])
    let promised = pack.merging(["pack/pack-1.promisor": ""])
    #expect(try await Self.merge(pack, pack, kept) == kept)
    #expect(try await Self.merge(kept, pack, kept.merging(["01/o": "o"])) == pack.merging(["01/o": "o"]))
    #expect(try await Self.merge(kept, kept.merging(["01/t": "t"]), pack) == pack.merging(["01/t": "t"]))
    let keptAnew = pack.merging(["pack/pack-1.keep": "k2"])
    #expect(try await Self.merge(kept, keptAnew, pack) == keptAnew)
    #expect(try await Self.merge(promised, pack, promised.merging(["01/o": "o"])) == promised.merging(["01/o": "o"]))
  }

  @Test("a packfile that was saved without its index gets the index from the other side")
  func partial() async throws {
    // receive-pack links .keep, .pack, .rev and .idx in this order, and removes .keep when the refs are set.
    let partial: FileTree = ["pack/pack-1.keep": "k", "pack/pack-1.pack": "1"]
    let whole: FileTree = ["pack/pack-1.pack": "1", "pack/pack-1.rev": "r", "pack/pack-1.idx": "i"]
    let others: FileTree = ["01/t": "t"]
    // Our packfile was saved and merged while it was partial, so theirs is partial, too.
    #expect(try await Self.merge(partial, partial.merging(others), whole) == whole.merging(others))
    #expect(try await Self.merge(partial, whole.merging(others), partial) == whole.merging(others))
    #expect(try await Self.merge([:], partial.merging(others), whole) == whole.merging(others).merging(partial))
    #expect(try await Self.merge([:], partial, partial.merging(others)) == partial.merging(others))
    // Of two complete packfiles of the same name all files are theirs.
    let otherwise: FileTree = ["pack/pack-1.pack": "one", "pack/pack-1.idx": "eye"]
    #expect(try await Self.merge([:], otherwise, whole) == otherwise)
    #expect(try await Self.merge(partial, partial.merging(others), otherwise) == otherwise.merging(others))
  }

  @Test("alternates are united")
  func alternates() async throws {
    let base: FileTree = ["info/alternates": "/a\n/b\n"]
    #expect(try await Self.merge(base, ["01/t": "t"], base.merging(["01/o": "o"]))["info/alternates"] == "/a\n/b\n")
    #expect(
      try await Self.merge(base, ["info/alternates": "/b\n/t\n"], ["info/alternates": "/a\n/b\n/o"])["info/alternates"]
        == "/b\n/t\n/a\n/o\n")
  }
}
