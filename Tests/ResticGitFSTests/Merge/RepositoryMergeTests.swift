import ResticCore
import Testing

@testable import ResticGitFS

@Suite("RepositoryMerge")
struct RepositoryMergeTests {
  private static let suffix = MergeFixture.suffix
  private static let one = RefMergeTests.one
  private static let two = RefMergeTests.two
  private static let base = RefMergeTests.repository(
    ["refs/heads/main": one], more: ["config": "[core]\n\tbare = true\n", "description": "d", "hooks": .directory])

  private static func moved(_ id: String) -> FileTree { base.changing(["refs/heads/main": .file(id + "\n")]) }

  @Test("config, description and hooks are merged as files; leftovers of commands do not conflict")
  func files() async throws {
    let theirs = Self.base.changing([
      "config": "theirs", "hooks": nil, "hooks/update": "u", "FETCH_HEAD": "t", "ORIG_HEAD": "t", "gc.log": "t",
      "info/refs": "t",
    ])
    let ours = Self.base.changing([
      "config": "ours", "hooks": nil, "hooks/post-update": "p", "FETCH_HEAD": "o", "ORIG_HEAD": "o", "gc.log": "o",
      "info/refs": "o", "info/exclude": "e", "description": "ours",
    ])
    let (files, result) = try await MergeFixture().merge(Self.base, theirs, ours)
    #expect(
      files
        == theirs.changing([
          "config\(Self.suffix)": "ours", "hooks/post-update": "p", "info/exclude": "e", "description": "ours",
        ]))
    #expect(result.conflicts == [.file(path: ["config"], keptAs: [Name("config\(Self.suffix)")])])
  }

  @Test("several repositories in one tree are merged separately, beside ordinary files")
  func several() async throws {
    let base = Self.base.inside("x").merging(Self.base.inside("y/.git")).merging(["y/file": "1"])
    let theirs = base.merging(Self.moved(Self.two).inside("x")).merging(["y/file": "2"])
    let ours = base.merging(["x/refs/heads/o": .file(Self.two + "\n"), "y/.git/refs/heads/o": .file(Self.two + "\n")])
    let (files, result) = try await MergeFixture().merge(base, theirs, ours)
    #expect(result.conflicts.isEmpty)
    #expect(RefMap(files.folder("x")).values["refs/heads/main"] == Self.two)
    #expect(RefMap(files.folder("x")).values["refs/heads/o"] == Self.two)
    #expect(RefMap(files.folder("y/.git")).values["refs/heads/o"] == Self.two && files["y/file"] == "2")
  }

  @Test("a repository that one side deleted and the other changed stays complete", arguments: [false, true])
  func deleted(oursDeletes: Bool) async throws {
    let base = Self.base.inside("r").merging(["f": "f"])
    let deleted: FileTree = ["f": "f", "new": "n"]
    let changed = Self.moved(Self.two).inside("r").merging(["f": "f"])
    let (files, result) = try await MergeFixture().merge(
      base, oursDeletes ? changed : deleted, oursDeletes ? deleted : changed)
    #expect(files == changed.merging(["new": "n"]))
    #expect(result.conflicts == [.deletion(path: ["r"], changedBy: oursDeletes ? .theirs : .ours)])
  }

  @Test(
    "a repository is not mixed with a plain folder of the other side: ours is kept beside it, or needs a snapshot of its own"
  )
  func torn() async throws {
    let torn = Self.base.changing(["HEAD": nil, "objects/info": nil, "objects/pack": nil, "objects": "file"])
    let nested = try await MergeFixture().merge(
      Self.base.inside("r"), torn.inside("r"), Self.moved(Self.two).inside("r"))
    #expect(nested.files == torn.inside("r").merging(Self.moved(Self.two).inside("r\(Self.suffix)")))
    #expect(nested.result.conflicts == [.file(path: ["r"], keptAs: [Name("r\(Self.suffix)")])])

    let root = try await MergeFixture().merge(Self.base, torn, Self.moved(Self.two))
    #expect(root.files == torn && root.result.isTheirs)
    #expect(root.result.conflicts == [.unmergeable(repository: [], reason: .notARepository)])
  }

  @Test("a new repository is united with new ordinary files of the other side")
  func madeInPlace() async throws {
    let (files, result) = try await MergeFixture().merge(nil, ["notes": "n", "config": "mine"], Self.base)
    #expect(
      files == Self.base.merging(["notes": "n", "config": "mine", "config\(Self.suffix)": "[core]\n\tbare = true\n"]))
    #expect(result.conflicts.count == 1)
  }

  @Test("repositories of different object formats are not mixed")
  func objectFormats() async throws {
    let sha256 = Self.base.changing(["config": "[core]\n\tbare = true\n[Extensions]\n\tobjectFormat = SHA256 ; x\n"])
    let (files, result) = try await MergeFixture().merge(nil, Self.base, sha256)
    #expect(files == Self.base)
    #expect(result.conflicts == [.unmergeable(repository: [], reason: .objectFormat)])
    let same = sha256.changing(["config": "[extensions] objectformat=\"sha256\"\n"])
    #expect(try await MergeFixture().merge(nil, same, sha256).result.conflicts.map(\.isFile) == [true])
  }

  @Test(
    "reftables of the changed side are taken; if both sides changed them theirs stay, and ours need a snapshot of their own"
  )
  func reftables() async throws {
    let base: FileTree = [
      "HEAD": "ref: refs/heads/.invalid\n", "refs/heads": "this repository uses the reftable format\n",
      "objects/pack": .directory,
      "reftable/tables.list": "1.ref\n", "reftable/1.ref": "1", "config": "[extensions]\n\trefstorage = reftable\n",
    ]
    func changed(_ table: String) -> FileTree {
      base.changing(["reftable/tables.list": .file("1.ref\n\(table)\n"), "reftable/\(table)": .file(table)])
    }
    let other = base.changing(["objects/aa/b": "b"])
    for (theirs, ours) in [(changed("2.ref"), other), (other, changed("2.ref"))] {
      let (files, result) = try await MergeFixture().merge(base, theirs, ours)
      #expect(files == changed("2.ref").changing(["objects/aa/b": "b"]) && result.conflicts.isEmpty)
    }
    let (files, result) = try await MergeFixture().merge(
      base, changed("2.ref"), changed("3.ref").changing(["objects/aa/b": "b"]))
    #expect(files == changed("2.ref").changing(["objects/aa/b": "b"]))
    #expect(result.conflicts == [.unmergeable(repository: [], reason: .reftable)] && result.needsSnapshotOfOurs)
  }

  @Test("with reftables on one side only theirs stays, with the matching config", arguments: [false, true])
  func mixedStorage(oursMigrated: Bool) async throws {
    let migrated = Self.base.changing([
      "refs/heads/main": nil, "refs/heads": "reftable", "reftable/tables.list": "1\n",
      "config": "[extensions]\n\trefstorage = reftable\n",
    ])
    let moved = Self.moved(Self.two).changing(["config": "[core]\n\tbare = true\n[x]\n"])
    let (files, result) = try await MergeFixture().merge(
      Self.base, oursMigrated ? moved : migrated, oursMigrated ? migrated : moved)
    #expect(files.changing(["config\(Self.suffix)": nil]) == (oursMigrated ? moved : migrated))
    #expect(files["config\(Self.suffix)"] == (oursMigrated ? migrated : moved)["config"])
    #expect(result.needsSnapshotOfOurs)
  }

  @Test("a merged shallow file has all lines of both sides")
  func shallow() async throws {
    let base = Self.base.changing(["shallow": .file("\(Self.one)\n\(Self.two)\n")])
    let theirs = base.changing(["shallow": .file("\(Self.two)\n"), "t": "t"])
    let ours = base.changing(["shallow": .file("\(Self.one)\n\(Self.two)\n\(RefMergeTests.three)\n")])
    #expect(
      try await MergeFixture().merge(base, theirs, ours).files["shallow"]?.text
        == "\(Self.two)\n\(Self.one)\n\(RefMergeTests.three)\n")
    #expect(
      try await MergeFixture().merge(base, base.changing(["shallow": nil]), ours).files["shallow"] == ours["shallow"])
  }
}

extension MergeConflict {
  fileprivate var isFile: Bool { if case .file = self { true } else { false } }
}
