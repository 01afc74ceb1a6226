import ResticCore
import Testing

@testable import ResticGitFS

@Suite("RefMerge")
struct RefMergeTests {
  static let one = String(repeating: "1", count: 40)
  static let two = String(repeating: "2", count: 40)
  static let three = String(repeating: "3", count: 40)
  static let header = "# pack-refs with: peeled fully-peeled sorted \n"
  private static let conflicts = MergeFixture.conflicts

  /// A bare repository with these loose refs (ids or `ref: NAME`) and a packed-refs with these lines after the header.
  static func repository(_ loose: [String: String], packed: [String] = [], more: FileTree = [:]) -> FileTree {
    var files: FileTree = [
      "HEAD": "ref: refs/heads/main\n", "objects/info": .directory, "objects/pack": .directory,
      "refs/heads": .directory,
      "refs/tags": .directory,
    ]
    for (name, value) in loose { files[name] = .file(value + "\n") }
    for folder in ["refs/heads", "refs/tags"] where loose.keys.contains(where: { $0.hasPrefix(folder) }) {
      files[folder] = nil
    }
    if !packed.isEmpty { files["packed-refs"] = .file(header + packed.map { $0 + "\n" }.joined()) }
    return files.merging(more)
  }

  private static func merge(
    _ base: FileTree?, _ theirs: FileTree, _ ours: FileTree
  ) async throws -> (files: FileTree, refs: RefMap, conflicts: [MergeConflict]) {
    // Something else changed on both sides, so that refs are looked at in any case.
    let (files, result) = try await MergeFixture().merge(
      base, theirs.merging(["t": "t"]), ours.merging(["o": "o"]))
    #expect(files["t"] != nil && files["o"] != nil)
    return (files, RefMap(files), result.conflicts)
  }

  @Test("refs that one side created, moved or deleted are merged, loose or packed")
  func bothSides() async throws {
    let base = Self.repository(
      ["refs/heads/main": Self.one, "refs/heads/gone": Self.one, "refs/heads/x/gone": Self.one],
      packed: [
        "\(Self.one) refs/heads/packed", "\(Self.one) refs/heads/unpacked", "\(Self.one) refs/tags/v1", "^\(Self.two)",
      ])
    let theirs = base.changing([
      "refs/heads/main": .file(Self.two + "\n"), "refs/heads/theirs": .file(Self.two + "\n"), "refs/heads/gone": nil,
    ])
    let ours = base.changing([
      "refs/heads/packed": .file(Self.three + "\n"), "refs/heads/new/ours": .file(Self.three + "\n"),
      "refs/heads/x/gone": nil,
      "packed-refs": .file("\(Self.header)\(Self.one) refs/heads/packed\n\(Self.one) refs/tags/v1\n^\(Self.two)\n"),
    ])
    let (files, refs, conflicts) = try await Self.merge(base, theirs, ours)
    #expect(conflicts.isEmpty)
    #expect(
      refs.values == [
        "HEAD": "ref: refs/heads/main", "refs/heads/main": Self.two, "refs/heads/theirs": Self.two,
        "refs/heads/packed": Self.three, "refs/heads/new/ours": Self.three, "refs/tags/v1": Self.one,
      ])
    #expect(files["packed-refs"] == ours["packed-refs"], "the deleted ref is out of it, the others are as they were")
    #expect(files.folder("refs/heads/x").entries.isEmpty && files["refs/heads/x"] == nil, "the empty folder is gone")
    #expect(try await Self.merge(base, ours, theirs).refs == refs)
  }

  @Test("a ref that was packed on one side and moved on the other is moved", arguments: [false, true])
  func packedMeanwhile(oursPacks: Bool) async throws {
    let base = Self.repository(["refs/heads/main": Self.one, "refs/heads/b": Self.one])
    let packs = Self.repository([:], packed: ["\(Self.one) refs/heads/b", "\(Self.one) refs/heads/main"])
    let moves = Self.repository(["refs/heads/main": Self.two, "refs/heads/b": Self.one])
    let (_, refs, conflicts) = try await Self.merge(base, oursPacks ? moves : packs, oursPacks ? packs : moves)
    #expect(conflicts.isEmpty)
    #expect(refs["refs/heads/main"] == Self.two && refs["refs/heads/b"] == Self.one)
  }

  @Test(
    "a ref that was packed on one side and deleted on the other is deleted in both places", arguments: [false, true])
  func packedAndDeleted(oursPacks: Bool) async throws {
    let base = Self.repository(
      ["refs/heads/main": Self.one, "refs/heads/b": Self.two], packed: ["\(Self.one) refs/heads/b"])
    let packs = Self.repository([:], packed: ["\(Self.two) refs/heads/b", "\(Self.one) refs/heads/main"])
    let deletes = Self.repository(["refs/heads/main": Self.one])
    let (_, refs, conflicts) = try await Self.merge(base, oursPacks ? deletes : packs, oursPacks ? packs : deletes)
    #expect(conflicts.isEmpty)
    #expect(refs["refs/heads/b"] == nil && refs["refs/heads/main"] == Self.one)
  }

  @Test("a packed ref of our side only is packed with its peeled object")
  func packedAdded() async throws {
    let base = Self.repository(["refs/heads/main": Self.one])
    let ours = Self.repository(["refs/heads/main": Self.one], packed: ["\(Self.two) refs/tags/v1", "^\(Self.three)"])
    let theirs = Self.repository(["refs/heads/main": Self.two])
    let (files, refs, conflicts) = try await Self.merge(base, theirs, ours)
    #expect(conflicts.isEmpty && refs["refs/tags/v1"] == Self.two && refs["refs/heads/main"] == Self.two)
    #expect(files["packed-refs"]?.text == "\(Self.header)\(Self.two) refs/tags/v1\n^\(Self.three)\n")
  }

  @Test("a ref that both sides moved keeps their value, and ours goes beneath refs/conflicts")
  func conflict() async throws {
    let base = Self.repository(["refs/heads/main": Self.one, "refs/heads/same": Self.one])
    let theirs = base.changing(["refs/heads/main": .file(Self.two + "\n"), "refs/heads/same": .file(Self.three + "\n")])
    let ours = base.changing(["refs/heads/main": .file(Self.three + "\n"), "refs/heads/same": .file(Self.three + "\n")])
    let (_, refs, conflicts) = try await Self.merge(base.inside("a/b"), theirs.inside("a/b"), ours.inside("a/b"))
    #expect(refs.values.isEmpty, "the repository is deeper")
    let (files, _, _) = try await Self.merge(base, theirs, ours)
    #expect(
      RefMap(files).values == [
        "HEAD": "ref: refs/heads/main", "refs/heads/main": Self.two, "refs/heads/same": Self.three,
        "\(Self.conflicts)/heads/main": Self.three,
      ])
    let conflict = RefConflict(
      repository: ["a", "b"], name: "refs/heads/main", base: .object(Array(Self.one.utf8)),
      theirs: .object(Array(Self.two.utf8)),
      ours: .object(Array(Self.three.utf8)), cause: .changedByBoth,
      kept: .ref(RefName("\(Self.conflicts)/heads/main".utf8)))
    #expect(conflicts == [.ref(conflict)])
    #expect(
      conflicts[0].description.contains(
        "refs/heads/main of a/b: changed by someone else meanwhile; your version is kept as refs/conflicts/"))
  }

  @Test(
    "a ref that one side deleted and the other moved is a conflict",
    arguments: [false, true])
  func deletedAndMoved(oursDeletes: Bool) async throws {
    let base = Self.repository(["refs/heads/main": Self.one], packed: ["\(Self.one) refs/heads/b"])
    let moved = base.changing(["refs/heads/b": .file(Self.two + "\n")])
    let deleted = base.changing(["packed-refs": .file(Self.header)])
    let (_, refs, conflicts) = try await Self.merge(base, oursDeletes ? moved : deleted, oursDeletes ? deleted : moved)
    #expect(refs["refs/heads/b"] == (oursDeletes ? Self.two : nil))
    #expect(refs["\(Self.conflicts)/heads/b"] == (oursDeletes ? nil : Self.two))
    guard case .ref(let conflict)? = conflicts.first else {
      Issue.record("a conflict is reported")
      return
    }
    #expect(conflict.kept == (oursDeletes ? .nothing : .ref(RefName("\(Self.conflicts)/heads/b".utf8))))
    #expect(conflicts.count == 1)
  }

  @Test(
    "our ref goes to refs/conflicts if their ref is its folder, or is in the folder of its name",
    arguments: [false, true])
  func nameTaken(oursIsDeeper: Bool) async throws {
    let base = Self.repository(["refs/heads/main": Self.one])
    let flat = base.changing(["refs/heads/a": .file(Self.two + "\n")])
    let deep = base.changing(["packed-refs": .file("\(Self.header)\(Self.three) refs/heads/a/b\n")])
    let (_, refs, conflicts) = try await Self.merge(base, oursIsDeeper ? flat : deep, oursIsDeeper ? deep : flat)
    #expect(refs.clashes.isEmpty)
    #expect(refs[oursIsDeeper ? "refs/heads/a" : "refs/heads/a/b"] == (oursIsDeeper ? Self.two : Self.three))
    #expect(refs["\(Self.conflicts)/heads/\(oursIsDeeper ? "a/b" : "a")"] == (oursIsDeeper ? Self.three : Self.two))
    #expect(conflicts.count == 1)
  }

  @Test("a ref that one side replaced by a folder of refs is replaced in the merge", arguments: [false, true])
  func becomesFolder(oursDoes: Bool) async throws {
    let base = Self.repository(
      ["refs/heads/a": Self.one, "refs/heads/b/c": Self.one], packed: ["\(Self.one) refs/heads/p"])
    let changed = Self.repository(["refs/heads/a/x": Self.two, "refs/heads/b": Self.two, "refs/heads/p/q": Self.two])
    let other = base.changing(["refs/tags": nil, "refs/tags/t": .file(Self.three + "\n")])
    let (_, refs, conflicts) = try await Self.merge(base, oursDoes ? other : changed, oursDoes ? changed : other)
    #expect(conflicts.isEmpty && refs.clashes.isEmpty)
    #expect(
      refs.values == [
        "HEAD": "ref: refs/heads/main", "refs/heads/a/x": Self.two, "refs/heads/b": Self.two,
        "refs/heads/p/q": Self.two,
        "refs/tags/t": Self.three,
      ])
  }

  @Test("an empty folder of theirs is replaced by our ref")
  func emptyFolder() async throws {
    let base = Self.repository(["refs/heads/main": Self.one])
    let theirs = base.changing(["refs/heads/a/b": .directory, "refs/heads/main": .file(Self.two + "\n")])
    let (_, refs, conflicts) = try await Self.merge(
      base, theirs, base.changing(["refs/heads/a": .file(Self.three + "\n")]))
    #expect(conflicts.isEmpty && refs["refs/heads/a"] == Self.three && refs["refs/heads/main"] == Self.two)
  }

  @Test("HEAD is merged like a ref: the side that moved it wins, and two moves are a conflict")
  func head() async throws {
    let base = Self.repository(["refs/heads/a": Self.one, "refs/heads/b": Self.one, "refs/heads/c": Self.one])
    func at(_ branch: String) -> FileTree { base.changing(["HEAD": .file("ref: refs/heads/\(branch)\n")]) }
    let moved = base.changing(["refs/heads/a": .file(Self.two + "\n")])
    #expect(try await Self.merge(base, moved, at("b")).refs["HEAD"] == "ref: refs/heads/b")
    #expect(try await Self.merge(base, at("b"), moved).refs["HEAD"] == "ref: refs/heads/b")

    let (files, refs, conflicts) = try await Self.merge(base, at("b"), at("c"))
    #expect(refs["HEAD"] == "ref: refs/heads/b" && refs["\(Self.conflicts)/HEAD"] == nil)
    #expect(
      files["HEAD\(MergeFixture.suffix)"]?.text == "ref: refs/heads/c\n", "a ref would be unsound without its target")
    #expect(conflicts.count == 1)

    let detached = base.changing(["HEAD": .file(Self.three + "\n")])
    #expect(try await Self.merge(base, at("b"), detached).refs["\(Self.conflicts)/HEAD"] == Self.three)
  }

  @Test("a symbolic ref never ends up without its target")
  func symbolicRefs() async throws {
    let base = Self.repository(["refs/heads/a": Self.one, "refs/heads/b": Self.one])
    let points = base.changing(["refs/remotes/o/HEAD": .file("ref: refs/heads/b\n")])
    let deletes = base.changing(["refs/heads/b": nil])

    let kept = try await Self.merge(base, points, deletes)
    #expect(kept.refs["refs/heads/b"] == Self.one && kept.refs["refs/remotes/o/HEAD"] == "ref: refs/heads/b")
    #expect(kept.conflicts.count == 1)

    let refused = try await Self.merge(base, deletes, points)
    #expect(refused.refs["refs/heads/b"] == nil && refused.refs["refs/remotes/o/HEAD"] == nil)
    #expect(refused.files["refs-remotes-o-HEAD\(MergeFixture.suffix)"]?.text == "ref: refs/heads/b\n")
    #expect(refused.conflicts.count == 1)

    // The branch that HEAD is moved to.
    let moved = base.changing(["HEAD": .file("ref: refs/heads/b\n")])
    let headKept = try await Self.merge(base, moved, deletes)
    #expect(headKept.refs["refs/heads/b"] == Self.one && headKept.refs["HEAD"] == "ref: refs/heads/b")
    let headRefused = try await Self.merge(base, deletes, moved)
    #expect(headRefused.refs["HEAD"] == "ref: refs/heads/main" && headRefused.conflicts.count == 1)
  }

  @Test("our unreadable ref is kept as a file, and unchanged if only our side changed it")
  func malformed() async throws {
    let base = Self.repository(["refs/heads/a": Self.one, "refs/heads/b": Self.one])
    let theirs = base.changing(["refs/heads/a": .file(Self.two + "\n")])
    let ours = base.changing(["refs/heads/a": "garbage", "refs/heads/b": ""])
    let (files, refs, conflicts) = try await Self.merge(base, theirs, ours)
    #expect(refs["refs/heads/a"] == Self.two && files["refs-heads-a\(MergeFixture.suffix)"] == "garbage")
    #expect(files["refs/heads/b"] == "")
    #expect(conflicts.count == 1)
  }

  @Test("a folder of conflicts gets a number if its name exists already")
  func conflictFolder() async throws {
    let base = Self.repository(["refs/heads/a": Self.one])
    let theirs = base.changing(["refs/heads/a": .file(Self.two + "\n"), "\(Self.conflicts)/x": .file(Self.one + "\n")])
    let ours = base.changing(["refs/heads/a": .file(Self.three + "\n")])
    #expect(try await Self.merge(base, theirs, ours).refs["\(Self.conflicts)-2/heads/a"] == Self.three)

    let blocked = try await Self.merge(
      base, theirs.changing(["\(Self.conflicts)/x": nil, "refs/conflicts": .file(Self.one + "\n")]), ours)
    #expect(blocked.refs.clashes.isEmpty)
    #expect(blocked.refs["refs/conflicts-2/here/20260102T030405Z/heads/a"] == Self.three)
  }

  @Test("the target of a symbolic ref that keeps their value stays too")
  func chainOfTargets() async throws {
    let base = Self.repository(["refs/heads/x": Self.one, "refs/heads/y": Self.one, "refs/s": "ref: refs/heads/x"])
    let ours = base.changing([
      "refs/s": .file("ref: refs/heads/y\n"), "refs/heads/x": nil, "refs/heads/x/deep": .file(Self.two + "\n"),
    ])
    let (_, refs, conflicts) = try await Self.merge(base, base.changing(["refs/heads/y": nil]), ours)
    #expect(refs.dangling.isEmpty && refs.clashes.isEmpty)
    #expect(refs["refs/s"] == "ref: refs/heads/x" && refs["refs/heads/x"] == Self.one)
    #expect(refs["\(Self.conflicts)/heads/x/deep"] == Self.two)
    #expect(conflicts.count == 3)
  }

  @Test("a side with unchanged refs gets the other side's files, packed or not")
  func oneSide() async throws {
    let base = Self.repository(["refs/heads/a": Self.one, "refs/heads/x/y": Self.one])
    let changed = Self.repository([:], packed: ["\(Self.two) refs/heads/a"])
    for (theirs, ours) in [(base, changed), (changed, base)] {
      let (files, _, conflicts) = try await Self.merge(base, theirs, ours)
      #expect(files == changed.merging(["t": "t", "o": "o"]))
      #expect(conflicts.isEmpty)
    }
  }

  @Test("repositories that both sides created in the same place are united")
  func noBase() async throws {
    let theirs = Self.repository(["refs/heads/main": Self.one, "refs/heads/t": Self.one])
    let ours = Self.repository(["refs/heads/main": Self.two, "refs/heads/o": Self.two])
    let (_, refs, conflicts) = try await Self.merge(nil, theirs, ours)
    #expect(
      refs.values == [
        "HEAD": "ref: refs/heads/main", "refs/heads/main": Self.one, "refs/heads/t": Self.one, "refs/heads/o": Self.two,
        "\(Self.conflicts)/heads/main": Self.two,
      ])
    #expect(conflicts.count == 1)
  }

  @Test("with an unreadable packed-refs theirs stays, and ours needs a snapshot of its own", arguments: [0, 1, 2])
  func damagedPackedRefs(side: Int) async throws {
    let base = Self.repository(["refs/heads/a": Self.one])
    var sides = [
      base, base.changing(["refs/heads/a": .file(Self.two + "\n")]),
      base.changing(["refs/heads/b": .file(Self.two + "\n")]),
    ]
    sides[side]["packed-refs"] = "damaged\n"
    let (files, result) = try await MergeFixture().merge(sides[0], sides[1], sides[2])
    #expect(files == sides[1])
    #expect(result.conflicts == [.unmergeable(repository: [], reason: .packedRefs)] && result.needsSnapshotOfOurs)
  }
}
