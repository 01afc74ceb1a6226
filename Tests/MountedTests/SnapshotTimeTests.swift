import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

// C16 A newest snapshot that is dated more than a day ahead of the clock is named.
@Suite("Snapshots with odd times")
struct SnapshotTimeTests {
  /// Saves a copy of the newest snapshot with the time `text`.
  private static func plant(_ text: String, in vault: MountedRepository) async throws -> String {
    let repository = try await vault.opened()
    let newest = try #require(try await repository.latestSnapshot(matching: SnapshotFilter()))
    var snapshot = newest.snapshot
    snapshot.time = try #require(Timestamp(rfc3339: text.utf8))
    let tree = try await repository.makeUploader().finish(root: snapshot.tree)
    return try await repository.saveSnapshot(snapshot, of: tree).id.short
  }

  @Test(
    "mount, sync, umount and status report a snapshot from the future, with advice; the mount's snapshots follow it and stay visible"
  )
  func mount() async throws {
    try await MountedRepository.with { vault in
      try await vault.mount(["--no-git-init"])
      try await vault.shell("echo 1 > file")
      try await vault.unmount()
      let planted = try await Self.plant("9999-12-31T23:59:59.999Z", in: vault)
      let words = ["snapshot \(planted) is dated 9999-12-31T23:59:59.999Z", "`restic forget \(planted)`"]
      let mounted = try await vault.result(
        vault.program.string, ["mount", "--no-git-init", vault.mountpoint.string])
      #expect(mounted.isSuccess)
      for word in words { #expect(mounted.errorOutput.contains(word), "\(mounted.errorOutput)") }
      #expect(try await vault.status().ahead?.message.contains(words[0]) == true)
      #expect(try await vault.gitfs(["status", vault.mountpoint.string]).contains(words[1]))
      for round in 2...4 {
        try await vault.shell("echo \(round) > file")
        let synced = try await vault.result(vault.program.string, ["sync", vault.mountpoint.string])
        #expect(synced.isSuccess && synced.errorOutput.contains("`restic forget \(planted)"), "\(synced.errorOutput)")
        #expect(try await vault.dump("/file") == "\(round)", "restic finds the newest, too")
      }
      let ended = try await vault.result(vault.program.string, ["umount", vault.mountpoint.string])
      #expect(ended.isSuccess && ended.errorOutput.contains("is dated 9999-12-31T23:59:59.999000003Z"))
    }
  }

  @Test(
    "a push reports a snapshot from the future, and the next clone sees the push; at the end of time the push is refused"
  )
  func push() async throws {
    try await RemoteClient.withHistory { client in
      let planted = try await Self.plant("2999-01-01T00:00:00Z", in: client.vault)
      let log = try await client.script(
        """
        cd a; for i in 6 7; do
          echo $i > f$i; git add .; git commit -q -m c$i; git push -q origin main
          is "$(git ls-remote $U main | cut -f 1)" "$(git rev-parse main)"
        done
        """)
      #expect(log.contains("remote: warning: snapshot"))
      #expect(log.contains("restic forget \(planted)"))
      let last = try await Self.plant("9999-12-31T23:59:59.999999999Z", in: client.vault)
      let refused = try await client.script(
        """
        cd a; echo 8 > f8; git add .; git commit -q -m c8; no git push -q origin main
        restic -q forget \(last); git push -q origin main; is "$(git ls-remote $U main | cut -f 1)" "$(git rev-parse main)"
        """)
      #expect(refused.contains("no later time can be stored") && refused.contains("restic forget \(last)"))
    }
  }
}
