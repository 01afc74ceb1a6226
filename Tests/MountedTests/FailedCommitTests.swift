import FoundationEssentials
import ResticTestSupport
import SystemPackage
import Testing

@Suite("Commits that fail or meet another")
struct FailedCommitTests {
  // C5 A commit that fails is an error of sync; the mount stays as it was, and the next commit saves everything.
  @Test("a commit that fails is an error of sync, and the next one saves everything")
  func failingSync() async throws {
    try await MountedRepository.mounted { vault in
      try await vault.shell("echo 1 > file; sync .; echo 2 > file; head -c 3000000 /dev/urandom > large")
      let shown = try await vault.listing()
      try await vault.shell("mv repository away", in: vault.folder)
      try await vault.python("fails('EIO', os.fsync, os.open('.', os.O_RDONLY))")
      let failed = try await vault.result(vault.program.string, ["sync", vault.mountpoint.string])
      #expect(failed.status != .exited(0) && failed.errorOutput.contains("stays mounted, nothing is lost"), "\(failed)")
      let status = try await vault.status()
      #expect(status.state == "dirty" && status.lastError != nil, "\(status)")
      let refused = try await vault.result(vault.program.string, ["umount", vault.mountpoint.string])
      #expect(refused.status != .exited(0) && vault.isMounted(), "\(refused)")
      try await vault.expect(vault.mountpoint, shows: shown, "after the failure")
      try await vault.shell("echo 3 > later; mv $T/away $T/repository")
      #expect(try await vault.status().state == "dirty")
      try await vault.expectKept()
      #expect(try await vault.status().lastError == nil)
      #expect(try await vault.snapshots().count == 2)
    }
  }

  // C6 A last commit that fails brings the mount back with everything that was written.
  @Test("a last commit that fails brings the mount back", arguments: ["fusermount3 -u $M", "kill -TERM $D"])
  func failingUnmount(_ way: String) async throws {
    try await MountedRepository.mounted { vault in
      try await vault.shell(
        "mkdir d; echo 1 > d/file; sync .; echo 2 > d/file; head -c 3000000 /dev/urandom > large; ln large link")
      let shown = try await vault.listing()
      let process = try await vault.status().pid
      try await vault.shell("mv repository away; D=\(process); \(way)", in: vault.folder)
      try await vault.wait(for: "the mount's return") {
        let status = try? await vault.status()  // between the two there is nothing mounted
        return status?.lastError != nil
      }
      try await vault.expect(vault.mountpoint, shows: shown, "in the restored mount")
      try await vault.shell("echo 3 > d/file; mv $T/away $T/repository")
      try await vault.expectKept()
      #expect(try await vault.snapshots().count == 2)
    }
  }

  // C6 Where that can't be, it is tried again until it goes through.
  @Test("a last commit that fails where the mount can't come back is tried until it goes through")
  func failingForAWhile() async throws {
    try await MountedRepository.with { vault in
      try await vault.mount(["--no-git-init"], at: "place/mnt")
      try await vault.shell("echo 1 > place/mnt/file", in: vault.folder)
      try await vault.settle()
      try await vault.shell(
        "mv repository away; mv place moved; fusermount3 -u moved/mnt", in: vault.folder)
      try await Task.sleep(for: .seconds(1))
      #expect(vault.processes().count == 1)
      try await vault.shell("mv away repository", in: vault.folder)
      try await vault.waitForEnd()
      #expect(try await vault.dump("/file") == "1")
    }
  }

  // C7 If others saved snapshots meanwhile, a commit merges. What both sides changed differently is a conflict: theirs
  // stays; ours is kept; sync and umount say so and exit with 3.
  @Test(
    "of two mounts the second merges with the first, and keeps what both changed beside it",
    arguments: ["sync", "umount", "fusermount", "foreground"])
  func conflict(_ way: String) async throws {
    try await MountedRepository.mounted { vault in
      try await vault.shell("echo base > file")
      try await vault.remount()
      let second = try vault.makeFolder("second")
      async let server = vault.result(
        vault.program.string,
        ["mount", "--no-git-init", "--log-file", vault.log.string, second.string]
          + (way == "foreground" ? ["--foreground"] : []))
      try await vault.wait(for: "the second mount") { vault.isMounted(at: "second") }
      try await vault.shell("echo second > file; echo more > new", in: second)
      try await vault.shell("echo first > file; sync .")

      switch way {
      case "sync":
        let sync = try await vault.result(vault.program.string, ["sync", second.string])
        #expect(sync.status == .exited(3) && sync.errorOutput.contains("file: changed on both sides"), "\(sync)")
        // C11 A mount without changes shows a newer snapshot at every sync: here what was merged.
        try await vault.wait(for: "the merged file") {
          (try? String(contentsOfFile: second.appending("file").string, encoding: .utf8)) == "first\n"
        }
        try await vault.shell("test \"$(cat file.conflict-*)\" = second; test \"$(cat new)\" = more", in: second)
        _ = try await vault.unmount(at: "second")
      case "umount":
        let report = try await vault.unmount(at: "second", expecting: 3)
        #expect(report.conflict && report.changed)
      case "foreground":
        try await vault.shell("fusermount3 -u $T/second", in: "/")
        #expect(try await server.status == .exited(3))
      default:
        try await vault.shell("fusermount3 -u $T/second", in: "/")
      }
      try await vault.wait(for: "the third snapshot") { try vault.stored("snapshots").count == 3 }
      #expect(try await vault.dump("/file") == "first")
      #expect(try await vault.dump("/new") == "more")
      // The first sees it at its next sync, and goes on.
      try await vault.shell("sync .; echo further > file; cat new file.conflict-*")
      try await vault.unmount()
      #expect(try await vault.dump("/file") == "further")
      #expect(try await vault.restic(["ls", "latest"]).contains("file.conflict-"))
    }
  }

  // C7 If another snapshot became the newest meanwhile […]: a snapshot of something else is no conflict.
  @Test("a backup of something else, and the tag command, are no conflict for a filtered mount")
  func noConflict() async throws {
    try await MountedRepository.mounted(["--no-git-init", "--path", "/git"]) { vault in
      try await vault.shell(
        "echo 1 > file; sync .; restic tag --quiet --add later; cd $T/python; restic backup --quiet .")
      try await vault.shell("echo 2 > file")
      let report = try await vault.unmount()
      #expect(!report.conflict)
      #expect(try await vault.snapshots().count == 3)
      #expect(try await vault.restic(["dump", "--path", "/git", "latest", "/file"]) == "2")
    }
  }
}
