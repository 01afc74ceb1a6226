import Foundation
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@Suite("Snapshots that are forgotten after a commit")
struct RetentionTests {
  /// Stores copies of the newest snapshot under old times, one a day.
  private static func addOld(_ vault: MountedRepository, _ count: Int) async throws {
    let repository = try await vault.opened()
    let newest = try #require(try await repository.latestSnapshot(matching: SnapshotFilter()))
    let tree = try await repository.makeUploader().finish(root: newest.snapshot.tree)
    for day in 0..<count {
      var snapshot = newest.snapshot
      snapshot.time = Timestamp(seconds: 1_700_000_000 + Int64(day) * 86400, nanoseconds: 0)
      snapshot.parent = nil
      try await repository.saveSnapshot(snapshot, of: tree)
    }
  }

  // C17 After a commit the snapshots go that --keep-… does not keep, as restic forget would have it.
  @Test("a mount keeps the snapshots that restic would keep with the same options, and all of restic's own")
  func mount() async throws {
    try await MountedRepository.with { vault in
      try await vault.mount(["--no-git-init"])
      try await vault.shell("echo 1 > file; sync .")
      try await Self.addOld(vault, 12)
      try await vault.run("restic", ["backup", "--quiet", "--tag", "other", "."], in: vault.path("python"))
      try await vault.unmount()
      let before = try await vault.snapshots()
      #expect(before.count == 14)

      try await vault.mount(["--no-git-init", "--path", "/git", "--keep-last", "3", "--keep-weekly", "2"])
      try await vault.shell("echo 2 > file; sync .")
      try await vault.wait(for: "the old snapshots' end") { try vault.stored("snapshots").count < 14 }
      try await vault.unmount()
      let after = try await vault.snapshots()
      // restic has nothing left to do.
      let judged = try await vault.restic([
        "forget", "--dry-run", "--no-lock", "--json", "--path", "/git", "--group-by", "paths", "--keep-last", "3",
        "--keep-weekly", "2",
      ])
      #expect(judged.contains(#""remove":null"#))
      #expect(after.contains { $0.tags == ["other"] })
      #expect(after.last?.paths == ["/git"])
      #expect(try await vault.dump("/file", of: try #require(after.last).id) == "2")
    }
  }

  // C17 remote.NAME.resticKeep
  @Test("a push by URL with resticKeep forgets, also through a mount that stays; a fetch does not")
  func url() async throws {
    try await RemoteClient.withHistory { client in
      let vault = client.vault
      try await Self.addOld(vault, 6)
      try await client.script(
        """
        git -C a config remote.origin.resticKeep '--keep-last 1'
        git -C a fetch -q
        is "$(ls repository/snapshots | wc -l)" 7
        cd a; echo 6 > f6; git add .; git commit -q -m c6; git push -q
        """)
      #expect(try await vault.snapshots().count == 2)
      try await Self.addOld(vault, 3)
      try await client.script(
        """
        git -C a config remote.origin.resticKeepAlive 2s
        cd a; echo 7 > f7; git add .; git commit -q -m c7; git push -q
        """)
      try await vault.wait(for: "the old snapshots' end") { try vault.stored("snapshots").count == 3 }
      try await client.script("git clone -q $U b; is $(git -C a rev-parse main) $(git -C b rev-parse main)")
      let refused = try await client.script(
        "git -C a config remote.origin.resticKeep '--exec x'; cd a; git commit -q --allow-empty -m c8; git push",
        expecting: 128)
      #expect(refused.contains("remote.origin.resticKeep is '--exec x'"))
      try await client.script("git -C a config --unset remote.origin.resticKeep")
      for (key, value) in [
        ("resticKeep", "--keep-last many"), ("resticPath", "relative"), ("resticOption", "nosuch=1"),
      ] {
        let log = try await client.script("cd a; git -c remote.origin.\(key)='\(value)' push", expecting: 128)
        #expect(log.contains("remote.origin.\(key): "), "\(log)")
      }
    }
  }
}
