import Foundation
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

/// The real git works on two copies of a repository; the merge of both must be as sound as they are. More seeds:
/// RESTIC_GITFS_MERGE_SEEDS=100-199.
@Suite("git finds merged repositories sound")
struct GitMergeTests {
  @Test(
    "random commands on two copies: fsck passes, refs agree with the model, and all objects are there",
    arguments: MergeFixture.seeds(0..<8))
  func randomCommands(seed: UInt64) async throws {
    var random = SplitMix64(seed: seed)
    let place: Comment = "seed \(seed)"
    let work = try GitCopies()
    try await work.run(GitScript.create(format: seed % 4 == 3 ? "sha256" : "sha1", logsRefs: seed % 2 == 0), in: "base")
    try await work.run(GitScript.random(count: 25, side: "base", &random), in: "base")
    for round in 0..<2 {
      try work.copy("base", to: "theirs")
      try work.copy("base", to: "ours")
      try await work.run(GitScript.random(count: 15, side: "theirs\(round)", &random), in: "theirs")
      try await work.run(GitScript.random(count: 15, side: "ours\(round)", &random), in: "ours")
      let (base, theirs, ours) = (
        try await work.state("base"), try await work.state("theirs"), try await work.state("ours")
      )

      let fixture = try await MergeFixture()
      let disk = DiskTree(fixture: fixture)
      let label = ConflictLabel(host: "here", time: Timestamp(seconds: Int64(round) + 1, nanoseconds: 0))
      let result = try await fixture.merge(
        base: disk.store(work.path("base")), theirs: disk.store(work.path("theirs")),
        ours: disk.store(work.path("ours")), label: label)
      try await disk.restore(result.root, to: work.path("merged"))
      let merged = try await work.state("merged")
      let conflicts = "refs/conflicts/here/\(label.time)"

      let expected = RefMap.merge(base: base.refs, theirs: theirs.refs, ours: ours.refs)
      #expect(merged.refs.without(conflicts) == expected.merged, place)
      var conflictCount = 0
      for (name, value) in expected.conflicts {
        guard let value, !value.hasPrefix("ref:") else { continue }
        conflictCount += 1
        let kept = conflicts + "/" + name.replacing(/^refs\//, with: "")
        #expect(merged.refs[kept] == value, "seed \(seed): \(name)")
      }
      #expect(merged.objects.isSuperset(of: theirs.objects.union(ours.objects)), place)
      #expect(merged.packedRefsHeader.map { $0 == RefMergeTests.header.dropLast() } ?? true, place)
      for file in try FileManager.default.contentsOfDirectory(atPath: work.path("merged").string) {
        #expect(!file.hasPrefix("config.") && !file.hasPrefix("description."), place)
      }
      #expect(merged.refs.values.count - merged.refs.without(conflicts).values.count == conflictCount, place)
      // git can go on with it, and clean it up.
      try work.move("merged", to: "base")
      try await work.run("git gc -q --prune=now", in: "base")
      #expect(try await work.state("base").refs == merged.refs, place)
    }
  }

  @Test("simultaneous pushes to two mounts both survive")
  func pushes() async throws {
    let work = try GitCopies()
    try await work.run(
      GitScript.create(format: "sha1", logsRefs: false) + GitScript.commit("refs/heads/main", "first"), in: "base")
    for side in ["theirs", "ours"] {
      try work.copy("base", to: side)
      try await work.run(
        """
        git clone -q . ../client-\(side); cd ../client-\(side)
        echo \(side) >\(side); git add .; git commit -q -m \(side); git tag -a -m \(side) \(side)
        git push -q origin HEAD:feature/\(side) HEAD:main \(side)
        """, in: side)
    }
    let fixture = try await MergeFixture()
    let disk = DiskTree(fixture: fixture)
    let result = try await fixture.merge(
      base: disk.store(work.path("base")), theirs: disk.store(work.path("theirs")), ours: disk.store(work.path("ours")))
    try await disk.restore(result.root, to: work.path("merged"))
    let (theirs, ours, merged) = (
      try await work.state("theirs"), try await work.state("ours"), try await work.state("merged")
    )
    #expect(result.conflicts.count == 1)
    #expect(merged.refs["refs/heads/main"] == theirs.refs["refs/heads/main"])
    #expect(merged.refs["\(MergeFixture.conflicts)/heads/main"] == ours.refs["refs/heads/main"])
    for name in ["heads/feature/ours", "tags/ours"] {
      #expect(merged.refs["refs/\(name)"] == ours.refs["refs/\(name)"])
    }
    for name in ["heads/feature/theirs", "tags/theirs"] {
      #expect(merged.refs["refs/\(name)"] == theirs.refs["refs/\(name)"])
    }
    try await work.run(
      "git clone -q . ../after && git -C ../after log -q origin/feature/ours origin/feature/theirs", in: "merged")
  }

  @Test("the check of a repository finds a broken one")
  func checkBites() async throws {
    let work = try GitCopies()
    try await work.run(
      GitScript.create(format: "sha1", logsRefs: false) + GitScript.commit("refs/heads/main", "first"), in: "base")
    _ = try await work.state("base")
    try await work.run("rm -r objects/??", in: "base")
    await #expect(throws: (any Error).self) { try await work.state("base") }
  }
}
