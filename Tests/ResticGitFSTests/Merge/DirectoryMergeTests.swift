import ResticCore
import Testing

@testable import ResticGitFS

@Suite("DirectoryMerge")
struct DirectoryMergeTests {
  private static let suffix = MergeFixture.suffix
  private static let base: FileTree = [
    "a": "a", "b": "b", "d/x": "x", "d/y": "y", "d/deep/z": "z", "link": .init(.link("a")), "empty": .directory,
  ]

  @Test("an unchanged side gets the other side's tree, whatever changed there")
  func oneSide() async throws {
    let fixture = try await MergeFixture()
    let changed = Self.base.changing(["a": "A", "b": nil, "d/y": nil, "d/new/n": "n", "empty": nil])
    let (base, other) = (try await fixture.store(Self.base), try await fixture.store(changed))
    #expect(
      try await fixture.merge(base: base, theirs: base, ours: other)
        == MergeResult(root: other, conflicts: [], isOurs: true, isTheirs: false))
    #expect(
      try await fixture.merge(base: base, theirs: other, ours: base)
        == MergeResult(root: other, conflicts: [], isOurs: false, isTheirs: true))
    #expect(
      try await fixture.merge(base: base, theirs: other, ours: other)
        == MergeResult(root: other, conflicts: [], isOurs: true, isTheirs: true))
  }

  @Test("changes of both sides to different entries are all kept, deletions included")
  func bothSides() async throws {
    let fixture = try await MergeFixture()
    let theirs = Self.base.changing(["a": "A", "d/x": nil, "t": "t", "d/deep/t": "t"])
    let ours = Self.base.changing(["b": nil, "d/y": "Y", "o/o": "o", "link": .init(.link("b")), "d/deep/o": "o"])
    let expected = Self.base.changing([
      "a": "A", "d/x": nil, "t": "t", "d/deep/t": "t", "b": nil, "d/y": "Y", "o/o": "o", "link": .init(.link("b")),
      "d/deep/o": "o",
    ])
    let (files, result) = try await fixture.merge(Self.base, theirs, ours)
    #expect(files == expected)
    #expect(result.conflicts.isEmpty && !result.isOurs && !result.isTheirs)
    #expect(try await fixture.merge(Self.base, ours, theirs).files == expected)
  }

  @Test("an equal change on both sides is not a conflict")
  func sameChange() async throws {
    let fixture = try await MergeFixture()
    let theirs = Self.base.changing(["a": "same", "b": nil, "n": "n", "t": "t"])
    let ours = Self.base.changing(["a": "same", "b": nil, "n": "n", "o": "o"])
    let (files, result) = try await fixture.merge(Self.base, theirs, ours)
    #expect(files == Self.base.changing(["a": "same", "b": nil, "n": "n", "t": "t", "o": "o"]))
    #expect(result.conflicts.isEmpty)
  }

  @Test("a file that both sides changed keeps their version, with our version beside it")
  func conflict() async throws {
    let fixture = try await MergeFixture()
    let (files, result) = try await fixture.merge(
      Self.base, Self.base.changing(["d/x": "theirs"]), Self.base.changing(["d/x": "ours"]))
    #expect(files == Self.base.changing(["d/x": "theirs", "d/x\(Self.suffix)": "ours"]))
    #expect(result.conflicts == [.file(path: ["d", "x"], keptAs: ["d", Name("x\(Self.suffix)")])])
    #expect(!result.needsSnapshotOfOurs)
  }

  @Test("without a base the entries of both sides are kept, and differences are conflicts")
  func noBase() async throws {
    let fixture = try await MergeFixture()
    let (files, result) = try await fixture.merge(
      nil, ["a": "1", "t/x": "x", "d/s": "s"], ["a": "2", "o/x": "x", "d/s": "s"])
    #expect(files == ["a": "1", "a\(Self.suffix)": "2", "t/x": "x", "o/x": "x", "d/s": "s"])
    #expect(result.conflicts.count == 1)
  }

  @Test("a conflict's name gets a number if it exists already, and is shortened if it is too long")
  func conflictNames() async throws {
    let fixture = try await MergeFixture()
    let long = String(repeating: "n", count: 255)
    let cut = String(long.prefix(255 - Self.suffix.utf8.count)) + Self.suffix
    let base: FileTree = ["a": "1", "a\(Self.suffix)": "earlier", long: "1"]
    let (files, _) = try await fixture.merge(
      base, base.changing(["a": "2", long: "2"]), base.changing(["a": "3", long: "3", "a\(Self.suffix)-2": "mine"]))
    #expect(
      files == [
        "a": "2", "a\(Self.suffix)": "earlier", "a\(Self.suffix)-2": "mine", "a\(Self.suffix)-3": "3", long: "2",
        cut: "3",
      ])
  }

  @Test("an entry that one side deleted and the other changed stays", arguments: [false, true])
  func deletion(oursDeletes: Bool) async throws {
    let fixture = try await MergeFixture()
    let changed = Self.base.changing(["a": "changed"])
    let deleted = Self.base.changing(["a": nil])
    let (files, result) = try await fixture.merge(
      Self.base, oursDeletes ? changed : deleted, oursDeletes ? deleted : changed)
    #expect(files == changed)
    #expect(result.conflicts == [.deletion(path: ["a"], changedBy: oursDeletes ? .theirs : .ours)])
  }

  @Test("of a deleted directory only the other side's changes stay", arguments: [false, true])
  func deletedDirectory(oursDeletes: Bool) async throws {
    let fixture = try await MergeFixture()
    let changed = Self.base.changing(["d/deep/z": "changed", "d/new": "n"])
    let deleted = Self.base.changing(["d/x": nil, "d/y": nil, "d/deep/z": nil])
    let (files, result) = try await fixture.merge(
      Self.base, oursDeletes ? changed : deleted, oursDeletes ? deleted : changed)
    #expect(files == changed.changing(["d/x": nil, "d/y": nil]))
    #expect(result.conflicts == [.deletion(path: ["d", "deep", "z"], changedBy: oursDeletes ? .theirs : .ours)])

    let lessened = Self.base.changing(["d/x": nil])
    let (gone, none) = try await fixture.merge(
      Self.base, oursDeletes ? lessened : deleted, oursDeletes ? deleted : lessened)
    #expect(gone == deleted)
    #expect(none.conflicts.isEmpty)
  }

  @Test("a file and a directory of one name: theirs keeps the name, and ours is beside it", arguments: [false, true])
  func fileAgainstDirectory(oursIsFile: Bool) async throws {
    let fixture = try await MergeFixture()
    let file = Self.base.changing(["d/x": nil, "d/y": nil, "d/deep/z": nil, "d": "file"])
    let directory = Self.base.changing(["d/x": "changed"])
    let (files, result) = try await fixture.merge(
      Self.base, oursIsFile ? directory : file, oursIsFile ? file : directory)
    let kept = "d\(Self.suffix)"
    #expect(
      files
        == (oursIsFile
          ? directory.changing([kept: "file"])
          : file.changing(["\(kept)/x": "changed", "\(kept)/y": "y", "\(kept)/deep/z": "z"])))
    #expect(result.conflicts == [.file(path: ["d"], keptAs: [Name(kept)])])
  }

  @Test("times and modes alone never conflict: a change of one side is taken, and of two the later")
  func metadata() async throws {
    let fixture = try await MergeFixture()
    let base: FileTree = [
      "a": .file("a", modifiedAt: 1), "b": .file("b", modifiedAt: 1), "c": .file("c", modifiedAt: 1),
    ]
    let theirs: FileTree = ["a": .file("a", modifiedAt: 5), "b": .file("b", modifiedAt: 1, mode: 0o755), "t": "t"]
    let ours: FileTree = [
      "a": .file("a", modifiedAt: 7), "b": .file("B", modifiedAt: 2), "c": .file("c", modifiedAt: 9), "o": "o",
    ]
    let expected: FileTree = [
      "a": .file("a", modifiedAt: 7), "b": .file("B", modifiedAt: 2, mode: 0o755), "t": "t", "o": "o",
    ]
    let (files, result) = try await fixture.merge(base, theirs, ours)
    #expect(files == expected, "c was deleted, and only touched on the other side")
    #expect(result.conflicts.isEmpty)
    #expect(try await fixture.merge(base, ours, theirs).files == expected)
  }

  @Test("equal subtrees are not loaded")
  func cost() async throws {
    let fixture = try await MergeFixture()
    // A tree that can't be loaded.
    let absent = try #require(BlobID(hex: String(repeating: "ab", count: 32)))
    func root(_ file: String) async throws -> BlobID {
      let blob = try await fixture.uploader.add(Array(file.utf8), type: .data)
      let nodes = [
        Node(name: "big", type: .dir, mode: 1 << 31, subtree: absent),
        Node(name: Name(file), type: .file, mode: 0o644, size: UInt64(file.utf8.count), content: [blob]),
      ]
      return try await fixture.uploader.add(Tree(nodes: nodes).encode(), type: .tree)
    }
    let result = try await fixture.merge(base: root("base"), theirs: root("theirs"), ours: root("ours"))
    #expect(try await fixture.repository.loadTree(result.root).nodes.map(\.name) == ["big", "ours", "theirs"])
  }

  @Test("an unreadable tree fails the merge")
  func unreadable() async throws {
    let fixture = try await MergeFixture()
    let absent = try #require(BlobID(hex: String(repeating: "ab", count: 32)))
    let (base, ours) = (try await fixture.store(["a": "a"]), try await fixture.store(["a": "b"]))
    await #expect(throws: RepositoryError.self) { try await fixture.merge(base: base, theirs: absent, ours: ours) }
  }
}
