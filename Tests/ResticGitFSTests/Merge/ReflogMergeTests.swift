import ResticCore
import Testing

@testable import ResticGitFS

@Suite("ReflogMerge")
struct ReflogMergeTests {
  private static func line(_ time: Int, _ text: String) -> String {
    "\(RefMergeTests.one) \(RefMergeTests.two) A U <a@u> \(time) +0100\t\(text)\n"
  }

  private static func unite(_ theirs: String, _ ours: String) -> String {
    String(decoding: ReflogMerge.unite(Array(theirs.utf8), Array(ours.utf8)), as: UTF8.self)
  }

  @Test("the merged log has the lines of both logs in the order of their times, each once")
  func union() {
    let common = Self.line(1, "1") + Self.line(2, "2")
    let theirs = Self.line(3, "t") + Self.line(7, "t")
    let ours = Self.line(3, "o") + Self.line(5, "o") + Self.line(9, "o")
    #expect(
      Self.unite(common + theirs, common + ours)
        == common + Self.line(3, "t") + Self.line(3, "o") + Self.line(5, "o") + Self.line(7, "t") + Self.line(9, "o"))
    #expect(Self.unite(common, common + ours) == common + ours)
    #expect(Self.unite(common + theirs, common) == common + theirs)
    #expect(Self.unite("", ours) == ours && Self.unite(theirs, "") == theirs)
  }

  @Test("a duplicate line of one side stays twice")
  func repeated() {
    let twice = Self.line(1, "x") + Self.line(1, "x")
    #expect(Self.unite(twice, Self.line(1, "x")) == twice)
    #expect(Self.unite(Self.line(1, "x"), twice) == twice)
  }

  @Test("lines without a time keep their place")
  func malformed() {
    let theirs = Self.line(5, "t") + "garbage\n" + Self.line(3, "clock went back") + Self.line(8, "t")
    #expect(
      Self.unite(theirs, "\(Self.line(6, "o"))\u{1}\n") == Self.line(5, "t") + "garbage\n"
        + Self.line(3, "clock went back") + Self.line(6, "o") + "\u{1}\n" + Self.line(8, "t"))
  }

  @Test("logs are merged like their refs: the log of a deleted ref is deleted")
  func logs() async throws {
    let one = RefMergeTests.one
    let base = RefMergeTests.repository(
      ["refs/heads/main": one, "refs/heads/a": one, "refs/heads/b": one, "refs/heads/c": one],
      more: [
        "logs/HEAD": .file(Self.line(1, "1")), "logs/refs/heads/a": .file(Self.line(1, "1")),
        "logs/refs/heads/b": .file(Self.line(1, "1")), "logs/refs/heads/c": .file(Self.line(1, "1")),
      ])
    let theirs = base.changing([
      "logs/HEAD": .file(Self.line(1, "1") + Self.line(3, "t")), "refs/heads/a": nil, "logs/refs/heads/a": nil,
      "refs/heads/b": .file(RefMergeTests.two + "\n"),
      "logs/refs/heads/b": .file(Self.line(1, "1") + Self.line(2, "t")),
      "refs/heads/c": nil, "logs/refs/heads/c": nil, "refs/heads/c/t": .file(one + "\n"),
      "logs/refs/heads/c/t": .file(Self.line(4, "t")),
    ])
    let ours = base.changing([
      "logs/HEAD": .file(Self.line(1, "1") + Self.line(2, "o")),
      "refs/heads/a": .file(RefMergeTests.two + "\n"),
      "logs/refs/heads/a": .file(Self.line(1, "1") + Self.line(2, "o")),
      "refs/heads/b": nil, "logs/refs/heads/b": nil,
      "refs/heads/c": .file(RefMergeTests.two + "\n"),
      "logs/refs/heads/c": .file(Self.line(1, "1") + Self.line(5, "o")),
      "refs/heads/new": .file(one + "\n"), "logs/refs/heads/new": .file(Self.line(1, "o")),
    ])
    let (files, result) = try await MergeFixture().merge(base, theirs, ours)
    #expect(
      files.folder("logs").texts == [
        "HEAD": Self.line(1, "1") + Self.line(2, "o") + Self.line(3, "t"),
        "refs/heads/b": Self.line(1, "1") + Self.line(2, "t"), "refs/heads/c/t": Self.line(4, "t"),
        "refs/heads/new": Self.line(1, "o"),
      ])
    #expect(result.conflicts.count == 3)
  }

  @Test("logs follow refs that stay, or are dropped, for another reason")
  func refused() async throws {
    let one = RefMergeTests.one
    let base = RefMergeTests.repository(
      ["refs/heads/a": one, "refs/heads/b": one],
      more: ["logs/refs/heads/a": .file(Self.line(1, "1")), "logs/refs/heads/b": .file(Self.line(1, "1"))])
    // Their side makes a symbolic ref to a ref that our side replaces by a folder.
    let theirs = base.changing(["refs/remotes/o/HEAD": "ref: refs/heads/a\n"])
    let ours = base.changing([
      "refs/heads/a": nil, "refs/heads/a/b": .file(RefMergeTests.two + "\n"), "logs/refs/heads/a": nil,
      "logs/refs/heads/a/b": .file(Self.line(2, "o")), "refs/heads/b": nil, "logs/refs/heads/b": nil,
    ])
    let (files, _) = try await MergeFixture().merge(base, theirs, ours)
    #expect(RefMap(files)["refs/heads/a"] == one)
    #expect(files.folder("logs").texts == ["refs/heads/a": Self.line(1, "1")])
  }
}
