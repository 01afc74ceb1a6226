import ResticCore
import Testing

@testable import ResticGitFS

@Suite("HardLinks")
struct HardLinksTests {
  private typealias Entry = FileTree.Entry

  /// The paths of each file in the tree, by restic's identity of a file; checks content and count.
  private static func groups(_ files: FileTree) -> [[String]] {
    let linked = files.entries.filter { $0.value.links > 1 }
    let groups = Dictionary(grouping: linked, by: \.value.inode)
    for (inode, names) in groups {
      #expect(Set(names.map(\.value.text)).count == 1, "file \(inode) has one content")
      #expect(names.allSatisfy { $0.value.links == UInt64(names.count) }, "file \(inode) has the right count")
    }
    return groups.values.map { $0.map(\.key).sorted() }.sorted { $0[0] < $1[0] }
  }

  private static let base: FileTree = [
    "a": .file("1", inode: 9, links: 2), "d/b": .file("1", inode: 9, links: 2), "e/x": "x",
  ]

  @Test("a new name of a file that the other side wrote has the new content")
  func newName() async throws {
    let fixture = try await MergeFixture()
    let theirs = Self.base.changing([
      "a": .file("1", inode: 9, links: 3), "d/b": .file("1", inode: 9, links: 3),
      "new/c": .file("1", inode: 9, links: 3),
    ])
    let ours = Self.base.changing(["a": .file("2", inode: 9, links: 2), "d/b": .file("2", inode: 9, links: 2)])
    for (first, second) in [(theirs, ours), (ours, theirs)] {
      let (files, result) = try await fixture.merge(Self.base, first, second)
      #expect(result.conflicts.isEmpty)
      #expect(Self.groups(files) == [["a", "d/b", "new/c"]])
      #expect(files["new/c"]?.text == "2")
    }
  }

  @Test("a file that both sides wrote becomes two files")
  func twoContents() async throws {
    let fixture = try await MergeFixture()
    let theirs = Self.base.changing(["a": .file("2", inode: 9, links: 2), "d/b": .file("2", inode: 9, links: 2)])
    let ours = Self.base.changing(["a": .file("3", inode: 9, links: 2), "d/b": .file("3", inode: 9, links: 2)])
    let (files, result) = try await fixture.merge(Self.base, theirs, ours)
    let suffix = MergeFixture.suffix
    #expect(result.conflicts.count == 2)
    #expect(Self.groups(files) == [["a", "d/b"], ["a\(suffix)", "d/b\(suffix)"]])
    #expect(files["a"]?.text == "2" && files["d/b\(suffix)"]?.text == "3")
  }

  @Test("the link count has the names that one side removed and the other added")
  func counts() async throws {
    let fixture = try await MergeFixture()
    let theirs = Self.base.changing(["a": .file("1", inode: 9, links: 1), "d/b": nil])
    let ours = Self.base.changing([
      "a": .file("1", inode: 9, links: 3), "d/b": .file("1", inode: 9, links: 3), "e/c": .file("1", inode: 9, links: 3),
    ])
    for (first, second) in [(theirs, ours), (ours, theirs)] {
      let (files, result) = try await fixture.merge(Self.base, first, second)
      #expect(result.conflicts.isEmpty)
      #expect(Self.groups(files) == [["a", "e/c"]])
    }
  }

  @Test("a file that one side changed has that side's links")
  func oneSide() async throws {
    let fixture = try await MergeFixture()
    let theirs = Self.base.changing(["a": .file("2", inode: 9, links: 2), "d/b": .file("2", inode: 9, links: 2)])
    let ours = Self.base.changing(["o": "o", "d/o": "o"])
    let (files, _) = try await fixture.merge(Self.base, theirs, ours)
    #expect(files == theirs.merging(["o": "o", "d/o": "o"]))
  }

  @Test("an object file that the merge restores has the right link count")
  func revivedObject() async throws {
    let fixture = try await MergeFixture()
    func tree(_ first: Bool, links: UInt64, more: FileTree) -> FileTree {
      var tree: FileTree = [
        "r/HEAD": "ref: refs/heads/main\n", "r/refs/heads": .directory, "r/objects/pack/pack-2.pack": "2",
        "s/objects/pack/pack-1.pack": .file("o", inode: 9, links: links), "s/refs/heads": .directory,
        "s/HEAD": "ref: refs/heads/main\n",
      ]
      if first { tree["r/objects/pack/pack-1.pack"] = .file("o", inode: 9, links: links) }
      return tree.merging(more)
    }
    let (files, _) = try await fixture.merge(
      tree(true, links: 2, more: [:]), tree(false, links: 1, more: [:]),
      tree(true, links: 2, more: ["r/objects/11/y": "y"]))
    #expect(Self.groups(files) == [["r/objects/pack/pack-1.pack", "s/objects/pack/pack-1.pack"]])
  }
}
