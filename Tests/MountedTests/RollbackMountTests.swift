import Foundation
import ResticTestSupport
import SystemPackage
import Testing

// D1 to D4 What a machine has seen of a repository, and a storage that shows less.
@Suite("A mount of a storage that was rolled back")
struct RollbackMountTests {
  private static let older = "the storage shows an older state"

  /// Saves `names`, a snapshot each.
  private static func save(_ names: String..., in vault: MountedRepository, machine: String? = nil) async throws {
    for name in names {
      try await vault.shell(
        """
        cd $T; export XDG_STATE_HOME=$T/\(machine ?? "state")
        '\(vault.program)' mount --no-git-init $M; echo \(name) > $M/\(name); '\(vault.program)' umount $M
        """, in: vault.folder)
    }
  }

  private static func keep(_ name: String, of vault: MountedRepository) throws {
    try FileManager.default.copyItem(atPath: vault.repository.string, toPath: vault.path(name).string)
  }

  private static func putBack(_ name: String, in vault: MountedRepository) throws {
    try FileManager.default.removeItem(atPath: vault.repository.string)
    try FileManager.default.copyItem(atPath: vault.path(name).string, toPath: vault.repository.string)
  }

  private static func result(_ arguments: String..., in vault: MountedRepository) async throws -> ProcessResult {
    try await vault.result(vault.program.string, arguments)
  }

  @Test("reports the rollback: writing is refused, reading is not, and an accepted rollback is not reported again")
  func accepted() async throws {
    try await MountedRepository.with(storage: .local) { vault in
      try await Self.save("one", in: vault)
      try Self.keep("old", of: vault)
      try await Self.save("two", in: vault)
      try Self.keep("new", of: vault)
      try Self.putBack("old", in: vault)
      let mnt = vault.mountpoint.string
      let refused = try await Self.result("mount", "--no-git-init", mnt, in: vault)
      #expect(refused.status == .exited(1))
      #expect(refused.errorOutput.contains(Self.older) && refused.errorOutput.contains("--accept-rollback"))
      let listed = try await Self.result("snapshots", in: vault)
      #expect(listed.isSuccess && listed.errorOutput.contains(Self.older) && listed.output.contains("1 snapshot"))

      let shown = try await Self.result("mount", "--read-only", mnt, in: vault)
      #expect(shown.isSuccess && shown.errorOutput.contains(Self.older), "\(shown.errorOutput)")
      #expect(try await vault.shell("cat one; not cat two") == "one")
      let status = try await Self.result("status", mnt, in: vault)
      #expect(status.output.contains(Self.older))
      #expect(try await Self.result("status", "--json", mnt, in: vault).output.contains("\"rollback\":{"))
      try await vault.unmount()

      // The newer state is back, and nothing is reported.
      try Self.putBack("new", in: vault)
      let back = try await Self.result("mount", "--no-git-init", mnt, in: vault)
      #expect(back.isSuccess && !back.errorOutput.contains("storage"))
      try await vault.unmount()

      try Self.putBack("old", in: vault)
      let accepted = try await Self.result("mount", "--no-git-init", "--accept-rollback", mnt, in: vault)
      #expect(accepted.isSuccess && accepted.errorOutput.contains(Self.older), "\(accepted.errorOutput)")
      try await vault.shell("echo three > three; not ls two")
      try await vault.unmount()
      let silent = try await Self.result("mount", "--no-git-init", mnt, in: vault)
      #expect(silent.isSuccess && !silent.errorOutput.contains("the storage shows"), "\(silent.errorOutput)")
      #expect(try await vault.shell("ls | xargs") == "one three")
      try await vault.unmount()
    }
  }

  @Test("saves nothing on top of the old state; changes stay, and are saved once the user has decided")
  func running() async throws {
    try await MountedRepository.with(storage: .local) { vault in
      try await Self.save("one", in: vault)
      try Self.keep("old", of: vault)
      try await Self.save("two", in: vault)
      try await vault.mount(["--no-git-init", "--refresh", "0"])
      // Without its locks, which a restored backup does not have either.
      try Self.putBack("old", in: vault)
      try await vault.shell("echo three > three")
      let refused = try await Self.result("sync", vault.mountpoint.string, in: vault)
      #expect(refused.status == .exited(1))
      for words in [Self.older, "nothing was saved", "restic-gitfs snapshots -r LOCATION --accept-rollback"] {
        #expect(refused.errorOutput.contains(words), "\(refused.errorOutput)")
      }
      #expect(try await vault.shell("cat one three | xargs") == "one three")
      #expect(try await vault.snapshotIDs().count == 1)
      let status = try await Self.result("status", vault.mountpoint.string, in: vault)
      #expect(status.output.contains("warning") && status.output.contains(Self.older))
      try await vault.gitfs(["snapshots", "--accept-rollback"])
      try await vault.unmount()
      #expect(try await vault.dump("/three") == "three")
      #expect(try await vault.snapshotIDs().count == 2)
    }
  }

  @Test("restic's work on snapshots does not count as a rollback, unless it forgets the newest snapshot")
  func housekeeping() async throws {
    try await MountedRepository.with(storage: .local) { vault in
      try await Self.save("one", "two", "three", in: vault)
      for arguments in [
        ["forget", "--keep-last", "2", "--prune"], ["tag", "--add", "t"], ["tag", "--add", "u"],
        ["forget", "--keep-last", "1", "--prune"], ["tag", "--remove", "t,u"],
      ] {
        try await vault.restic(arguments)
        try await Self.save("after-\(arguments[0])-\(arguments[1])-\(arguments[2])", in: vault)
      }
      if try await vault.result("restic", ["rewrite", "--help"]).isSuccess {
        try await vault.restic(["rewrite", "--forget", "--exclude", "/one", "latest"])
        try await Self.save("after-rewrite", in: vault)
      }
      // Of one group the newest is gone, of the other one nothing.
      try await vault.shell(
        "mkdir $T/home; echo 1 > $T/home/f; restic -q backup --tag home $T/home; echo 2 > $T/home/f; restic -q backup --tag home $T/home",
        in: vault.folder)
      let home = ["snapshots", "--tag", "home"]
      #expect(try await vault.result(vault.program.string, home).errorOutput.isEmpty)
      try await vault.restic(["forget", try await vault.snapshots(["--tag", "home"]).last?.id ?? ""])
      #expect(try await vault.result(vault.program.string, home).errorOutput.contains(Self.older))
      let git = ["snapshots", "--path", "/git"]
      #expect(try await vault.result(vault.program.string, git).errorOutput.isEmpty)
    }
  }

  @Test("a copy of the repository under another id, another user and another machine report no rollback")
  func others() async throws {
    try await MountedRepository.with(storage: .local) { vault in
      try await Self.save("one", in: vault)
      try Self.keep("old", of: vault)
      try await Self.save("two", in: vault)
      try await vault.shell(
        """
        cd $T; restic -q -r copy init
        RESTIC_PASSWORD2=$RESTIC_PASSWORD RESTIC_FROM_PASSWORD=$RESTIC_PASSWORD restic -q -r repository copy --repo2 copy ||
          RESTIC_FROM_PASSWORD=$RESTIC_PASSWORD restic -q -r copy copy --from-repo repository
        restic -q -r copy forget latest
        """, in: vault.folder)
      let copy = try await Self.result("snapshots", "-r", vault.path("copy").string, in: vault)
      #expect(copy.isSuccess && copy.errorOutput.isEmpty, "\(copy.errorOutput)")
      try Self.putBack("old", in: vault)
      #expect(try await Self.result("snapshots", in: vault).errorOutput.contains(Self.older))
      try await Self.save("three", in: vault, machine: "other-state")
      // This machine has not seen three, and sees that two is not in it.
      let beside = try await Self.result("snapshots", in: vault)
      #expect(beside.errorOutput.contains("was made without what this machine has seen"), "\(beside.errorOutput)")
      let refused = try await Self.result("mount", vault.mountpoint.string, in: vault)
      #expect(refused.status == .exited(1))
    }
  }

  @Test(
    "a forged or truncated record, or another repository's, is ignored with a warning; a missing folder is not an error"
  )
  func records() async throws {
    try await MountedRepository.with(storage: .local) { vault in
      try await Self.save("one", in: vault)
      let record = try #require(
        FileManager.default.subpaths(atPath: vault.stateHome.string)?.first { $0.hasSuffix("/seen") })
      let path = vault.stateHome.appending(record).string
      let whole = try Data(contentsOf: URL(fileURLWithPath: path))
      #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
      for bad in [Data(), Data("x".utf8), whole.dropLast(), whole + Data("x".utf8)] {
        try bad.write(to: URL(fileURLWithPath: path))
        let listed = try await Self.result("snapshots", in: vault)
        #expect(listed.isSuccess && listed.errorOutput.contains("is ignored"), "\(listed.errorOutput)")
        // The snapshots that are seen now take its place.
        #expect(try await Self.result("snapshots", in: vault).errorOutput.isEmpty)
      }
      var runner = vault.runner
      runner.environment["XDG_STATE_HOME"] = "/proc/none"
      let nowhere = try await runner.run(vault.program.string, ["snapshots"])
      #expect(nowhere.isSuccess && nowhere.errorOutput.contains("cannot be kept"), "\(nowhere.errorOutput)")
      try await vault.shell(
        "cd $T; for i in 1 2 3 4 5 6; do '\(vault.program)' snapshots > out$i 2> err$i & done; wait; cat err?",
        in: vault.folder)
    }
  }
}
