import ResticTestSupport
import SystemPackage
import Testing

// R10 The repository is the one that was opened.
@Suite("Another repository, or a newer format, in place of the mounted repository")
struct ReplacedRepositoryTests {
  /// A repository like a colleague's, at `folder`, with an index and packs.
  private static func makeOther(_ vault: MountedRepository, at folder: String) async throws {
    try await CheapRepository.create(at: vault.path(folder), password: "other")
    try await vault.shell(
      "echo theirs > theirs; RESTIC_PASSWORD=other restic -q -r $T/\(folder) backup theirs", in: vault.folder)
  }

  @Test(
    "sync and umount write nothing to the other repository and name both; they succeed when the mounted one is back",
    arguments: [true, false])
  func otherRepository(hasContent: Bool) async throws {
    try await MountedRepository.with { vault in
      if hasContent {
        try await Self.makeOther(vault, at: "other")
      } else {
        try await CheapRepository.create(at: vault.path("other"), password: "other")
      }
      // Something to save is there from the start: the new git repository.
      try await vault.mount()
      try await vault.settle()
      try await vault.shell("mv repository ours; mv other repository", in: vault.folder)
      let before = try vault.storedFiles()
      for command in ["sync", "umount"] {
        try await vault.expectFailure(
          [command, vault.mountpoint.string], code: 10, saying: "another repository is at \(vault.repository)",
          "was opened", "it stays mounted, nothing is lost")
        #expect(try vault.storedFiles() == before)
      }
      // Files of that size are stored while they are written.
      try await vault.shell("head -c 30000000 /dev/urandom > large")
      try await vault.run("fusermount3", ["-u", vault.mountpoint.string])
      try await vault.wait(for: "the mount's return") { vault.isMounted() }
      #expect(try vault.storedFiles() == before)
      #expect(try await vault.status().lastError?.exitCode == 10)
      try await vault.shell("RESTIC_PASSWORD=other restic check -q --no-cache", in: vault.folder)

      try await vault.shell("mv repository other; mv ours repository", in: vault.folder)
      #expect(try await vault.unmount().changed)
      try await vault.mount()
      #expect(try await vault.shell("stat -c %s large") == "30000000")
      try await vault.unmount()
    }
  }

  @Test("the status of a clean mount reports the other repository; newer snapshots appear when the mounted one is back")
  func idle() async throws {
    try await MountedRepository.with { vault in
      try await Self.makeOther(vault, at: "other")
      try await vault.mount(["--no-git-init", "--refresh", "1s"])
      try await vault.shell("echo ours > file; sync .")
      try await vault.shell("mv repository ours; mv other repository", in: vault.folder)
      let before = try vault.storedFiles()
      try await vault.wait(for: "the look that fails") { try await vault.status().refreshError != nil }
      #expect(try await vault.status().refreshError?.message.contains("another repository is at") == true)
      let text = try await vault.gitfs(["status", vault.mountpoint.string])
      #expect(text.contains("cannot look for newer snapshots: another repository is at"))
      let synced = try await vault.result(vault.program.string, ["sync", vault.mountpoint.string])
      #expect(synced.isSuccess && synced.output.contains("no changes") && !synced.output.contains("saved"))
      #expect(synced.errorOutput.contains("another repository is at"))
      #expect(try vault.storedFiles() == before)
      try await vault.shell("mv repository other; mv ours repository", in: vault.folder)
      try await vault.wait(for: "a look that succeeds") { try await vault.status().refreshError == nil }
      try await vault.unmount()
    }
  }

  @Test(
    "a mount goes on reading and saving while its repository is migrated to version 2 and pruned")
  func migration() async throws {
    try await MountedRepository.with(version: 1) { vault in
      try await vault.mount(["--no-git-init", "--refresh", "1s"])
      try await vault.shell(
        "head -c 3000000 /dev/urandom > random; head -c 3000000 /dev/zero | tr '\\0' y > text; sync .")
      try await vault.remount(["--no-git-init", "--refresh", "1s"])
      try await vault.restic(["migrate", "-q", "upgrade_repo_v2"])
      try await vault.restic(["prune", "-q", "--max-unused", "0", "--repack-uncompressed"])
      // Not read since the mount was made.
      try await vault.shell("head -c 3000000 /dev/zero | tr '\\0' y | cmp - text; cat random > /dev/null")
      // A snapshot of the same thing, as another client saves it.
      try vault.makeFolder("second")
      try await vault.mount(["--no-git-init"], at: "second")
      try await vault.shell("echo theirs > second/theirs", in: vault.folder)
      try await vault.unmount(at: "second")
      try await vault.wait(for: "the newer snapshot") {
        try await vault.result("test", ["-e", vault.mountpoint.appending("theirs").string]).isSuccess
      }
      #expect(try await vault.status().refreshError == nil)
      try await vault.shell("echo ours > ours; head -c 9000000 /dev/urandom > large")
      #expect(try await vault.sync().changed)
      try await vault.remount()
      #expect(try await vault.shell("cat theirs ours; stat -c %s large") == "theirs\nours\n9000000")
      #expect(try await vault.restic(["cat", "config"]).contains("\"version\": 2"))
      try await vault.unmount()
    }
  }
}
