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
    "git's unfinished files are recognised in their places",
    arguments: [
      ([], "HEAD.lock"), ([], "config.lock"), ([], "packed-refs.lock"), ([], "packed-refs.new"), ([], "gc.pid"),
      ([], "gc.pid.lock"), ([], "index.lock"), ([], "next-index-4711.lock"), ([], "MERGE_RR.lock"),
      ([], "shallow_Ab3dEf"), ([], "shallow.lock"), ([], "sharedindex_a1B2c3"), ([], "anything.lock"),
      (["refs", "heads"], "main.lock"), (["refs", "heads", "feature", "deep"], "x.lock"),
      (["logs"], "HEAD.lock"), (["logs", "refs", "heads"], "x.lock"), (["info"], "sparse-checkout.lock"),
      (["info"], "refs_AbCd12"), (["worktrees", "w"], "index.lock"), (["worktrees", "w", "logs"], "HEAD.lock"),
      (["rebase-merge"], "done.lock"), (["sequencer"], "todo.lock"), (["svn"], ".metadata.lock"),
      (["reftable"], "tables.list.lock"), (["reftable"], "0x000000000001-0x000000000002-9a3b.ref.lock"),
      (["reftable"], "0x000000000001-0x000000000002-9a3b.temp.AbCd12"),
      (["objects"], "maintenance.lock"), (["objects"], "bitmap-ref-tips_Ab3dEf"), (["objects"], "tmp_obj_AbC"),
      (["objects"], "bulk_fsync_AbCd12"),
      (["objects", "pack"], "tmp_pack_aBc"), (["objects", "pack"], "multi-pack-index.lock"),
      (["objects", "pack"], "tmp_idx_aBc"), (["objects", "pack"], ".tmp-123-pack-aa.pack"),
      (["objects", "pack", "multi-pack-index.d"], "tmp_midx_AbCd12"),
      (["objects", "pack", "multi-pack-index.d"], "multi-pack-index-chain.lock"),
      (["objects", "1f"], "tmp_obj_AbC"), (["objects", "info"], "commit-graph.lock"),
      (["objects", "info"], "alternates.lock"), (["objects", "info"], "packs_AbCd12"),
      (["objects", "info", "commit-graphs"], "commit-graph-chain.lock"),
      (["objects", "info", "commit-graphs"], "tmp_graph_AbCd12"),
    ] as [([Name], Name)])
  func inFlight(path: [Name], name: Name) {
    #expect(BareRepository.isInFlight(name, isDirectory: false, in: Self.position(path)))
  }

  @Test("folders of quarantined objects are recognised")
  func quarantine() {
    for name: Name in ["incoming-AbC123", "tmp_objdir-incoming-AbC123"] {
      #expect(BareRepository.isInFlight(name, isDirectory: true, in: .objects))
      #expect(!BareRepository.isInFlight(name, isDirectory: true, in: .root))
    }
  }

  @Test(
    "everything else is kept, even a file with such a name elsewhere",
    arguments: [
      ([], "HEAD"), ([], "gc.log"), ([], "hooks"), ([], ".lock"), ([], "shallow_file"), ([], "refs_AbCd12"),
      (["refs", "heads"], "main"), (["refs", "heads"], "x.temp.AbCd12"), (["refs", "heads"], "tmp_pack_aBc"),
      (["hooks"], "Cargo.lock"), (["hooks", "lib"], "poetry.lock"), (["mine"], "HEAD.lock"), (["modules"], "x.lock"),
      (["lfs", "objects", "ab", "cd"], "yarn.lock"),
      (["annex", "objects", "Xx", "Yy", "SHA256E-s1--ab.lock"], "SHA256E-s1--ab.lock"),
      (["objects"], "1f"), (["objects"], "pack"), (["objects", "pack"], "pack-1.pack"), (["objects", "info"], "tmp_x"),
      (["objects", "pack"], "pack-1.keep"), (["objects", "info"], "packs"), (["info"], "refs"),
      (["info"], "refs_backup"),
      (["objects", "1f"], "0123"), (["objects", "1f"], "x.lock"), (["reftable"], "tables.list"),
    ] as [([Name], Name)])
  func kept(path: [Name], name: Name) {
    #expect(!BareRepository.isInFlight(name, isDirectory: false, in: Self.position(path)))
  }

  @Test("a folder is not a lock: a submodule may have such a name")
  func folders() {
    for path: [Name] in [[], ["modules"], ["worktrees"], ["refs", "heads"], ["objects"], ["logs"]] {
      #expect(!BareRepository.isInFlight("yarn.lock", isDirectory: true, in: Self.position(path)))
    }
  }

  @Test("nothing is in flight outside git repositories and in work trees")
  func outside() {
    for name: Name in ["HEAD.lock", "tmp_pack_1", "incoming-1"] {
      #expect(!BareRepository.isInFlight(name, isDirectory: false, in: .outside))
    }
    let workTree: Set<Name> = [".git", "Cargo.lock"]
    #expect(BareRepository.position(.elsewhere, hasEntry: workTree.contains) == .outside)
    #expect(BareRepository.position(.root, hasEntry: workTree.contains) == .outside)
  }

  @Test("a lock guards what git has read; locks of maintenance guard nothing that a refresh changes")
  func guards() {
    for (path, name) in [
      ([], "HEAD.lock"), ([], "config.lock"), ([], "index.lock"), (["refs", "heads"], "main.lock"),
      (["worktrees", "w"], "HEAD.lock"), (["reftable"], "tables.list.lock"), (["logs", "refs", "heads"], "main.lock"),
    ] as [([Name], Name)] {
      #expect(BareRepository.isLock(name, in: Self.position(path)))
    }
    for (path, name) in [
      ([], "gc.pid.lock"), ([], "gc.pid"), (["objects"], "maintenance.lock"), (["objects", "pack"], "x.lock"),
      (["hooks"], "Cargo.lock"),
    ] as [([Name], Name)] {
      #expect(!BareRepository.isLock(name, in: Self.position(path)))
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
