import Foundation
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

/// The real git cleans up one copy while the other goes on, or cleans up, too. More seeds: RESTIC_GITFS_MERGE_SEEDS=100-199.
@Suite("A merge and git's maintenance")
struct GitHousekeepingTests {
  /// Two copies of a repository on disk, and their merge.
  private struct Merge {
    let work: GitCopies
    let fixture: MergeFixture
    var label = MergeFixture.label

    init() async throws {
      work = try GitCopies()
      fixture = try await MergeFixture()
    }

    /// Merges the copies `theirs` and `ours` of `base` into `merged`.
    func merge() async throws {
      let disk = DiskTree(fixture: fixture)
      let result = try await fixture.merge(
        base: disk.store(work.path("base")), theirs: disk.store(work.path("theirs")),
        ours: disk.store(work.path("ours")), label: label)
      try? FileManager.default.removeItem(atPath: work.path("merged").string)  // Not there the first time.
      try await disk.restore(result.root, to: work.path("merged"))
    }

    /// Makes both copies, and runs a script in each.
    func change(theirs: String, ours: String) async throws {
      for (side, script) in [("theirs", theirs), ("ours", ours)] {
        try work.copy("base", to: side)
        try await work.run(script, in: side)
      }
    }

    /// The names of the packfiles of a copy, `pack-ID`.
    func packs(_ copy: String) throws -> Set<String> {
      let files = try FileManager.default.contentsOfDirectory(atPath: work.path(copy).appending("objects/pack").string)
      return Set(files.filter { $0.hasSuffix(".pack") }.map { String($0.dropLast(5)) })
    }

    /// The objects of each packfile of a copy, as git lists them.
    func objects(_ copy: String) async throws -> [String: Set<Substring>] {
      var objects: [String: Set<Substring>] = [:]
      for pack in try packs(copy) {
        let list = try await work.run("git show-index <objects/pack/\(pack).idx | cut -d' ' -f2", in: copy)
        objects[pack] = Set(list.split(separator: "\n"))
      }
      return objects
    }

    /// The loose objects of a copy.
    func looseObjects(_ copy: String) async throws -> Set<Substring> {
      let list = try await work.run("find objects/?? -type f | sed 's,^objects/,,; s,/,,'", in: copy)
      return Set(list.split(separator: "\n"))
    }

    /// The objects of a copy, and the objects that its refs name.
    func content(_ copy: String) async throws -> (objects: Set<Substring>, refs: Set<Substring>) {
      let objects = try await work.run("git cat-file --batch-all-objects --batch-check='%(objectname)'", in: copy)
      let refs = try await work.run("git for-each-ref --format='%(objectname)'", in: copy)
      return (Set(objects.split(separator: "\n")), Set(refs.split(separator: "\n")))
    }

    /// Whether git finds no error. A repack may leave garbage whose objects it deletes, which git reports.
    func isSound(_ copy: String) async throws -> Bool {
      try await work.run("if git fsck --strict --full >/dev/null 2>&1; then echo 1; fi", in: copy) == "1\n"
    }

    /// Fails the test unless each ref of either side leads to all its objects in the merged repository.
    func expectAllObjects(_ place: Comment) async throws {
      let (theirs, ours, merged) = (
        try await content("theirs"), try await content("ours"), try await content("merged")
      )
      #expect(merged.objects == theirs.objects.union(ours.objects), place)
      for value in theirs.refs.union(ours.refs).union(merged.refs).sorted() {
        try await work.run("git rev-list --objects \(value) -- >/dev/null", in: "merged")
      }
      if try await isSound("theirs"), try await isSound("ours") {
        let log = try await work.run("git fsck --strict --full 2>&1 || :", in: "merged")
        #expect(try await isSound("merged"), "\(place): \(log)")
      }
    }
  }

  @Test("the gc of one side survives the pushes of the other", arguments: ["sha1", "sha256"], ["theirs", "ours"])
  func gc(format: String, side: String) async throws {
    let merge = try await Merge()
    try await merge.work.run(
      GitScript.create(format: format, logsRefs: false) + GitHousekeeping.packfiles(30, side: "base"), in: "base")
    let push = GitHousekeeping.packfiles(2, side: "push")
    try await merge.change(theirs: side == "theirs" ? "git gc -q" : push, ours: side == "theirs" ? push : "git gc -q")
    try await merge.merge()
    #expect(try merge.packs("base").count == 30)
    #expect(try merge.packs("merged").count == 3)
    try await merge.expectAllObjects("\(side)")
  }

  @Test("packed objects stay packed, and unpacked objects stay loose", arguments: ["theirs", "ours"])
  func looseObjects(side: String) async throws {
    let merge = try await Merge()
    let loose = (0..<40).map { GitScript.commit("refs/heads/main", "\($0)") }.joined()
    try await merge.work.run(GitScript.create(format: "sha1", logsRefs: false) + loose, in: "base")
    let push = GitScript.commit("refs/heads/a", "push")
    try await merge.change(theirs: side == "theirs" ? "git gc -q" : push, ours: side == "theirs" ? push : "git gc -q")
    try await merge.merge()
    #expect(try await merge.looseObjects("base").count > 100)
    #expect(try await merge.looseObjects("merged").count == 3)
    try await merge.expectAllObjects("packed")

    // A branch is deleted, and gc unpacks its objects.
    try merge.work.move("merged", to: "base")
    try await merge.work.run("git repack -q -a -d", in: "base")
    let packed = try merge.packs("base")
    let cleaning = "git update-ref -d refs/heads/a; git repack -q -A -d"
    let other = GitScript.commit("refs/heads/b", "other")
    try await merge.change(theirs: side == "theirs" ? cleaning : other, ours: side == "theirs" ? other : cleaning)
    try await merge.merge()
    #expect(try merge.packs("merged").isDisjoint(with: packed))
    try await merge.expectAllObjects("unpacked")
  }

  @Test("objects that one side pruned stay if the other side may need them")
  func pruned() async throws {
    let merge = try await Merge()
    try await merge.work.run(
      GitScript.create(format: "sha1", logsRefs: false) + GitScript.commit("refs/heads/main", "main")
        + GitScript.commit("refs/heads/a", "a")
        + "git repack -q -a -d; git rev-parse refs/heads/a >../id; git update-ref -d refs/heads/a",
      in: "base")
    let prune = "git gc -q --prune=now; if git cat-file -e $(cat ../id) 2>/dev/null; then exit 1; fi"
    let revive = "git update-ref refs/heads/revived $(cat ../id)"
    for (theirs, ours) in [(prune, revive), (revive, prune)] {
      try await merge.change(theirs: theirs, ours: ours)
      try await merge.merge()
      try await merge.expectAllObjects("pruned")
      try await merge.work.run("git rev-list --objects refs/heads/revived >/dev/null", in: "merged")
    }
  }

  @Test("each side repacked, and deleted packfiles that the other side relies on: no object is missing")
  func bothRepacked() async throws {
    let merge = try await Merge()
    try await merge.work.run(
      GitScript.create(format: "sha1", logsRefs: false) + GitHousekeeping.packfiles(4, side: "base")
        // A second packfile with all objects, which is all the same for git.
        + "cp -r objects/pack ../saved; git repack -q -a -d; cp -n ../saved/* objects/pack/", in: "base")
    let all = try await merge.objects("base").max { $0.value.count < $1.value.count }?.key ?? ""
    let (onlyAll, onlyParts) = (
      "cd objects/pack; for f in pack-*; do case $f in \(all).*) ;; *) rm -f $f;; esac; done",
      "rm -f objects/pack/\(all).*"
    )
    for (theirs, ours) in [(onlyAll, onlyParts), (onlyParts, onlyAll)] {
      try await merge.change(theirs: theirs, ours: ours)
      try await merge.merge()
      try await merge.expectAllObjects("both")
    }
  }

  @Test(
    "a damaged index, or another packfile's, proves nothing", arguments: ["idx", "pack", "other"])
  func damaged(_ what: String) async throws {
    let merge = try await Merge()
    try await merge.work.run(
      GitScript.create(format: "sha1", logsRefs: false) + GitHousekeeping.packfiles(3, side: "base"), in: "base")
    let damage =
      switch what {
      case "idx": "chmod u+w $p.idx; printf x | dd of=$p.idx bs=1 seek=1100 conv=notrunc 2>/dev/null"
      case "pack": "chmod u+w $p.pack; truncate -s -30 $p.pack"
      default: "cp -f ../base/$(ls ../base/objects/pack/*.pack | head -n 1 | sed 's,^../base/,,') $p.pack"
      }
    try await merge.change(
      theirs: "git gc -q; p=objects/pack/$(basename objects/pack/*.pack .pack); \(damage)",
      ours: GitHousekeeping.packfiles(1, side: "ours"))
    try await merge.merge()
    #expect(try merge.packs("merged").isSuperset(of: merge.packs("base")))
  }

  @Test("a packfile that was locked since stays, and a packfile whose lock is gone does not")
  func locked() async throws {
    let merge = try await Merge()
    let script = GitScript.create(format: "sha1", logsRefs: false) + GitHousekeeping.packfiles(3, side: "base")
    try await merge.work.run(script, in: "base")
    try await merge.change(theirs: "for p in objects/pack/*.pack; do echo k >${p%.pack}.keep; done", ours: "git gc -q")
    try await merge.merge()
    #expect(try merge.packs("merged") == merge.packs("base").union(merge.packs("ours")))
    try await merge.work.run("for p in objects/pack/*.pack; do echo k >${p%.pack}.keep; done", in: "base")
    try await merge.change(theirs: GitScript.commit("refs/heads/a", "a"), ours: "rm objects/pack/*.keep; git gc -q")
    try await merge.merge()
    #expect(try merge.packs("merged") == merge.packs("ours"))
  }

  @Test(
    "random maintenance on both sides: no ref lacks an object, and objects that exist elsewhere stay deleted",
    arguments: MergeFixture.seeds(0..<10))
  func random(seed: UInt64) async throws {
    var random = SplitMix64(seed: seed &* 7919)
    var merge = try await Merge()
    try await merge.work.run(
      GitScript.create(format: seed % 4 == 3 ? "sha256" : "sha1", logsRefs: false)
        + GitScript.commit("refs/heads/main", "first") + "git rev-parse HEAD >../known\n"
        + GitHousekeeping.random(count: 12, side: "base", &random), in: "base")
    for round in 0..<2 {
      let place: Comment = "seed \(seed), round \(round)"
      merge.label = ConflictLabel(host: "here", time: Timestamp(seconds: Int64(round) + 1, nanoseconds: 0))
      let scripts = (0..<2).map { GitHousekeeping.random(count: 8, side: "\(round)-\($0)", &random) }
      try await merge.change(theirs: scripts[0], ours: scripts[1])
      try await merge.merge()
      try await merge.expectAllObjects(place)
      try await Self.expectNothingNeedless(merge, place)
      try await merge.work.run("git clone -q --mirror . ../mirror; rm -rf ../mirror", in: "merged")
      try merge.work.move("merged", to: "base")
    }
  }

  /// Fails the test if the merge restores a file that one side deleted although all its objects are in files that no side deleted.
  private static func expectNothingNeedless(_ merge: Merge, _ place: Comment) async throws {
    let (base, theirs, ours) = (
      try await merge.objects("base"), try await merge.objects("theirs"), try await merge.objects("ours")
    )
    let merged = try merge.packs("merged")
    let isDeleted = { (name: String) in base[name] != nil && (theirs[name] == nil) != (ours[name] == nil) }
    let all = theirs.merging(ours) { theirs, _ in theirs }
    let staying = all.filter { !isDeleted($0.key) }
    #expect(merged.isSuperset(of: staying.keys), place)
    let (looseBase, looseTheirs, looseOurs) = (
      try await merge.looseObjects("base"), try await merge.looseObjects("theirs"),
      try await merge.looseObjects("ours")
    )
    let loose = looseTheirs.union(looseOurs)
    let looseDeleted = loose.filter { looseBase.contains($0) && !(looseTheirs.contains($0) && looseOurs.contains($0)) }
    let packed = staying.values.reduce(into: Set<Substring>()) { $0.formUnion($1) }
    let held = packed.union(loose.subtracting(looseDeleted))
    for (name, objects) in all where isDeleted(name) {
      #expect(merged.contains(name) == !objects.isSubset(of: held), "\(place) \(name)")
    }
    let looseMerged = try await merge.looseObjects("merged")
    #expect(looseMerged == loose.subtracting(looseDeleted.intersection(packed)), place)
  }
}
