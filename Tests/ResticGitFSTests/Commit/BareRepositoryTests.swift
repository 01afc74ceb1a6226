import ResticCore
import Testing

@testable import ResticGitFS

@Suite("BareRepository")
struct BareRepositoryTests {
  /// The position of a directory below a repository's root.
  private static func position(_ path: [Name]) -> BareRepository.Position {
    path.reduce(.root) { BareRepository.position(of: $1, in: $0) }
  }

  @Test(
    "git's unfinished files are recognised where git puts them",
    arguments: [
      ([], "HEAD.lock"), ([], "config.lock"), ([], "packed-refs.lock"), ([], "packed-refs.new"), ([], "gc.pid"),
      (["refs", "heads"], "main.lock"), (["refs", "heads", "feature", "deep"], "x.lock"),
      (["reftable"], "tables.list.lock"),
      (["objects"], "incoming-AbC123"), (["objects"], "tmp_objdir-incoming-AbC123"),
      (["objects", "pack"], "tmp_pack_aBc"),
      (["objects", "pack"], "tmp_idx_aBc"), (["objects", "pack"], ".tmp-123-pack-aa.pack"),
      (["objects", "1f"], "tmp_obj_AbC"),
    ] as [([Name], Name)])
  func inFlight(path: [Name], name: Name) {
    #expect(BareRepository.isInFlight(name, in: Self.position(path)))
  }

  @Test(
    "everything else is kept, also what has such a name elsewhere",
    arguments: [
      ([], "HEAD"), ([], "gc.log"), ([], "Cargo.lock"), ([], "hooks"), (["refs", "heads"], "main"),
      (["hooks"], "x.lock"),
      (["objects"], "1f"), (["objects"], "pack"), (["objects", "pack"], "pack-1.pack"), (["objects", "info"], "tmp_x"),
      (["logs", "refs", "heads"], "x.lock"), (["objects", "1f"], "0123"), (["worktrees", "w"], "index.lock"),
    ] as [([Name], Name)])
  func kept(path: [Name], name: Name) {
    #expect(!BareRepository.isInFlight(name, in: Self.position(path)))
  }

  @Test("outside of git repositories nothing is in flight")
  func outside() {
    for name: Name in ["HEAD.lock", "tmp_pack_1", "incoming-1"] {
      #expect(!BareRepository.isInFlight(name, in: .outside))
    }
  }

  @Test("a directory is a repository if it has HEAD, objects and refs")
  func recognition() {
    let all: Set<Name> = ["HEAD", "objects", "refs", "config"]
    #expect(BareRepository.isRepository(all.contains))
    for missing: Name in ["HEAD", "objects", "refs"] {
      #expect(!BareRepository.isRepository(all.subtracting([missing]).contains))
    }
  }
}
