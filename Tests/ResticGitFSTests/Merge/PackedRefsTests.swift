import ResticCore
import ResticTestSupport
import Testing

@testable import ResticGitFS

@Suite("PackedRefs")
struct PackedRefsTests {
  private static let id = String(repeating: "1a", count: 20)
  private static let other = String(repeating: "2b", count: 20)
  private static let text = """
    # pack-refs with: peeled fully-peeled sorted \n\
    \(id) refs/heads/a
    \(other) refs/heads/a/b
    \(id) refs/heads/ab
    \(other) refs/tags/v1
    ^\(id)
    \(id) refs/tags/v2

    """

  private static func parse(_ text: String) -> PackedRefs? { PackedRefs(Array(text.utf8)) }

  @Test("a file that git wrote is encoded to the same bytes")
  func roundTrip() throws {
    let refs = try #require(Self.parse(Self.text))
    #expect(refs.entries.count == 5 && refs.isFullyPeeled)
    #expect(String(decoding: refs.encode(), as: UTF8.self) == Self.text)
    #expect(refs["refs/tags/v1"]?.peeled == Array(Self.id.utf8))
    #expect(refs["refs/heads/a/b"]?.id == Array(Self.other.utf8))
    #expect(refs["refs/heads/b"] == nil && refs["refs/heads"] == nil)
    #expect(Array(refs.names(in: "refs/heads/a")) == ["refs/heads/a/b"])
    #expect(Array(refs.names(in: "refs/heads/ab")).isEmpty)
  }

  @Test("unsorted files, files without a header and empty files are read")
  func otherFiles() throws {
    let refs = try #require(Self.parse("\(Self.id) refs/tags/x\n\(Self.other) refs/heads/b\n"))
    #expect(refs.entries.map(\.name) == ["refs/heads/b", "refs/tags/x"] && !refs.isFullyPeeled)
    #expect(
      String(decoding: refs.encode(), as: UTF8.self).hasPrefix(
        "# pack-refs with: sorted \n\(Self.other) refs/heads/b\n"))
    #expect(Self.parse("") == .empty)
    #expect(Self.parse("# pack-refs with: peeled fully-peeled sorted \n")?.entries.isEmpty == true)
    let long = String(repeating: "3c", count: 32)
    #expect(Self.parse("\(long) refs/heads/a\n")?["refs/heads/a"]?.id == Array(long.utf8))
  }

  @Test(
    "a file that git refuses is refused",
    arguments: [
      "x\n", "^\(id)\n", "\(id)\n", "\(id) \n", "\(id) HEAD\n", "\(id) refs/../config\n", "\(id) refs//x\n",
      "\(id) /refs/x\n",
      "\(id.dropLast()) refs/heads/a\n", "\(id) refs/heads/a", "\(id) refs/heads/a\n^12\n",
      "zz\(id.dropFirst(2)) refs/heads/a\n",
    ])
  func malformed(text: String) {
    #expect(Self.parse(text) == nil)
  }

  @Test("a damaged file gives an error or other refs, and nothing worse")
  func damage() {
    let bytes = Array(Self.text.utf8)
    for count in 0...bytes.count { _ = PackedRefs(Array(bytes[..<count]))?.encode() }
    for index in bytes.indices {
      for bit in [0, 3, 7] {
        var damaged = bytes
        damaged[index] ^= 1 << bit
        guard let refs = PackedRefs(damaged) else { continue }
        #expect(PackedRefs(refs.encode()) == refs || !refs.isFullyPeeled)
        #expect(refs.entries.allSatisfy { $0.name.isLooseFile && $0.id.isObjectID })
      }
    }
  }

  @Test("the differences are the new, missing and changed names")
  func differences() throws {
    let refs = try #require(Self.parse(Self.text))
    let changed = try #require(
      Self.parse(
        "\(Self.id) refs/heads/a\n\(Self.id) refs/heads/a/b\n\(Self.id) refs/heads/z\n\(Self.other) refs/tags/v1\n"))
    let names: Set<RefName> = ["refs/heads/a/b", "refs/heads/ab", "refs/heads/z", "refs/tags/v2"]
    #expect(Set(refs.differences(from: changed)) == names && Set(changed.differences(from: refs)) == names)
    #expect(refs.differences(from: refs).isEmpty)
  }

  @Test("the merged file promises peeled tags only if both files did")
  func peeled() throws {
    let refs = try #require(Self.parse(Self.text))
    let unpeeled = try #require(Self.parse("\(Self.id) refs/tags/w\n"))
    #expect(refs.replacing(["refs/heads/a"], with: [], from: unpeeled).isFullyPeeled)
    #expect(!refs.replacing([], with: unpeeled.entries, from: unpeeled).isFullyPeeled)
    #expect(!unpeeled.replacing([], with: refs.entries, from: refs).isFullyPeeled)
    #expect(PackedRefs.empty.replacing([], with: refs.entries, from: refs) == refs)
  }

  @Test("loose refs are read as git reads them")
  func values() {
    func value(_ text: String) -> RefValue { RefValue(file: Array(text.utf8)) }
    #expect(value(Self.id + "\n") == .object(Array(Self.id.utf8)))
    #expect(value(Self.id) == .object(Array(Self.id.utf8)))
    #expect(value(Self.id + " x\n") == .object(Array(Self.id.utf8)))
    #expect(value("ref: refs/heads/x\n") == .symbolic("refs/heads/x"))
    #expect(value("ref:\trefs/heads/x \n") == .symbolic("refs/heads/x"))
    for text in ["", "\n", "ref:", "ref: \n", "x", Self.id + "a\n", String(Self.id.dropLast()) + "\n"] {
      #expect(value(text) == .opaque(Array(text.utf8)))
      #expect(value(text).file == Array(text.utf8))
    }
  }
}
