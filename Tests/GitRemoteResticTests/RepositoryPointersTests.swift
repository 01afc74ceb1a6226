import Foundation
import ResticTestSupport
import StoredPointers
import SystemPackage
import Testing

@Suite("Files of a stored repository that name other places")
struct RepositoryPointersTests {
  /// The objection to a repository with these files; nil if there is none.
  private static func refusal(_ files: [String: String]) throws -> String? {
    let folder = try TemporaryDirectory()
    for (name, text) in files {
      let path = folder.path.appending(name)
      try FileManager.default.createDirectory(
        atPath: path.removingLastComponent().string, withIntermediateDirectories: true)
      try Data(text.utf8).write(to: URL(fileURLWithPath: path.string))
    }
    do {
      try RepositoryPointers.check(folder.path, on: folder.path)
      return nil
    } catch {
      return error.message
    }
  }

  @Test("alternates inside the mount, and their own alternates, are followed; cycles end")
  func inside() throws {
    #expect(try Self.refusal([:]) == nil)
    #expect(
      try Self.refusal([
        "objects/info/alternates": "# a comment\n\n../base.git/objects\n../a/../base.git/objects/\n",
        "base.git/objects/info/alternates": "../../objects\n", "objects/info/http-alternates": "\n",
      ]) == nil)
  }

  @Test(
    "alternates that leave the mount are refused, at any link of the chain and in any spelling",
    arguments: [
      "/x/objects", "../../x/objects", "../base.git/../../x", "\"../base.git/objects\"", "../base.git/objects\n/x",
      "http://x/objects", "../a\u{0}",
    ])
  func outside(_ line: String) throws {
    for file in ["objects/info/alternates", "objects/info/http-alternates"] {
      let refusal = try Self.refusal([file: line])
      #expect(refusal?.contains(file) == true && refusal?.contains("git repack -a -d") == true)
    }
    guard !line.hasPrefix("\"") else { return }
    let chain = try Self.refusal([
      "objects/info/alternates": "../base.git/objects", "base.git/objects/info/alternates": "../\(line)/../../../..",
    ])
    #expect(chain?.contains("base.git/objects/info/alternates") == true)
  }

  @Test("a part of another repository is refused; the folders of the repository's own work trees are accepted")
  func parts() throws {
    #expect(try Self.refusal(["commondir": "../x\n"])?.contains("commondir") == true)
    #expect(try Self.refusal(["gitdir": "/x/.git\n"])?.contains("gitdir") == true)
    #expect(try Self.refusal(["worktrees/a/commondir": "../..\n", "worktrees/a/gitdir": "/x/.git\n"]) == nil)
    #expect(try Self.refusal(["worktrees/a/commondir": "/x\n"])?.contains("git worktree prune") == true)
  }

  /// G5 The repository around an alternate is asked for its references.
  @Test("an alternate whose repository is a part of another one is refused")
  func alternateParts() throws {
    for name in ["commondir", "gitdir"] {
      let files = ["objects/info/alternates": "../base.git/objects", "base.git/\(name)": "/x\n"]
      #expect(try Self.refusal(files)?.contains("base.git/\(name)") == true)
    }
  }

  /// G5 git reads the files that a list of reftables names, and deletes them.
  @Test("a list of reftables names files beside it, in every work tree and alternate")
  func reftables() throws {
    let list = "0x000000000001-0x000000000002-9a3b.ref\n"
    for folder in ["", "worktrees/a/", "base.git/"] {
      let file = "\(folder)reftable/tables.list"
      let alternates = ["objects/info/alternates": "../base.git/objects"]
      #expect(try Self.refusal(alternates.merging([file: list]) { $1 }) == nil)
      for line in ["../../victim", "/etc/passwd", "a/b", "..\u{0}/", "/"] {
        let refusal = try Self.refusal(alternates.merging([file: list + line + "\n"]) { $1 })
        #expect(refusal?.contains(file) == true, "\(file): \(line)")
      }
    }
  }

  @Test("endless files and endless chains are refused")
  func endless() throws {
    #expect(try Self.refusal(["objects/info/alternates": String(repeating: "#\n", count: 40_000)]) != nil)
    var files = ["objects/info/alternates": "../0/objects"]
    for number in 0..<150 { files["\(number)/objects/info/alternates"] = "../../\(number + 1)/objects" }
    #expect(try Self.refusal(files)?.contains("more than 100") == true)
  }
}
