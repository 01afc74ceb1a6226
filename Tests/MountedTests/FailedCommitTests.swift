import ResticTestSupport
import SystemPackage
import Testing

@Suite("Commits that fail")
struct FailedCommitTests {
  // C5 A commit that fails is an error of sync; the mount stays as it was, and the next commit saves everything.
  @Test("sync reports a failed commit, and the next commit saves everything")
  func failingSync() async throws {
    try await MountedRepository.mounted { vault in
      try await vault.shell("echo 1 > file; sync .; echo 2 > file; head -c 3000000 /dev/urandom > large")
      let shown = try await vault.listing()
      // A lock file on its way would stay behind.
      try await vault.settle()
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
  @Test("a failed last commit brings the mount back", arguments: ["fusermount3 -u $M", "kill -TERM $D"])
  func failingUnmount(_ way: String) async throws {
    try await MountedRepository.mounted { vault in
      try await vault.shell(
        "mkdir d; echo 1 > d/file; sync .; echo 2 > d/file; head -c 3000000 /dev/urandom > large; ln large link")
      let shown = try await vault.listing()
      // A lock file on its way would stay behind.
      try await vault.settle()
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
  @Test("a failed last commit is retried until it succeeds if the mount cannot come back")
  func failingForAWhile() async throws {
    try await MountedRepository.with { vault in
      try await vault.mount(["--no-git-init"], at: "place/mnt")
      try await vault.shell("echo 1 > place/mnt/file", in: vault.folder)
      try await vault.settle(at: "place/mnt")
      try await vault.shell(
        "mv repository away; mv place moved; fusermount3 -u moved/mnt", in: vault.folder)
      try await vault.wait(for: "the next try") { vault.logText.contains("trying the commit again") }
      #expect(vault.processes().count == 1)
      try await vault.shell("mv away repository", in: vault.folder)
      try await vault.waitForEnd()
      #expect(try await vault.dump("/file") == "1")
    }
  }
}
