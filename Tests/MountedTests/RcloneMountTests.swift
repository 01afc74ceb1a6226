import Foundation
import Glibc
import ResticTestSupport
import SystemPackage
import Testing

/// N1, N5, N7 and L1: a repository that rclone reaches; `StorageTests` have the rest.
@Suite("A mount of a repository that rclone reaches")
struct RcloneMountTests {
  private static func options(_ release: RcloneServer.Release, _ vault: MountedRepository) throws -> [String] {
    ["-r", "rclone:\(vault.repository)", "-o", "rclone.program=\(try release.program)"]
  }

  /// Processes of rclone's for the repository of a test, those of restic's among them.
  private static func programs(_ vault: MountedRepository) -> [pid_t] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.compactMap { pid_t($0) }.filter { process in
      let words = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") ?? Data()
      return words.range(of: Data("--stdio".utf8)) != nil && words.range(of: Data(vault.repository.string.utf8)) != nil
    }
  }

  @Test(
    "init, mount, push, clone and umount work beside restic's reads, backups and checks; rclone ends with the mount",
    arguments: RcloneServer.Release.allCases)
  func wholeWay(release: RcloneServer.Release) async throws {
    try await MountedRepository.with { vault in
      let options = try Self.options(release, vault)
      let source = try await vault.makeHistory(commits: 60)
      try await vault.mount(options)
      #expect(Self.programs(vault).count == 1)
      try await vault.git(["push", "--quiet", "--mirror", vault.mountpoint.string], in: source)
      async let backup = vault.restic(options + ["backup", "--host", "other", source.string])
      try await vault.gitfs(["sync", vault.mountpoint.string])
      _ = try await backup
      try await vault.git(["clone", "--quiet", vault.mountpoint.string, vault.path("copy").string], in: vault.folder)
      try await vault.unmount()
      try await vault.restic(options + ["check", "--read-data", "--no-cache"])
      #expect(try await vault.gitfs(["snapshots"] + options).contains("other"))

      let other = ["-r", "rclone:\(vault.path("new/deep"))", "-o", "rclone.program=\(try release.program)"]
      try await vault.gitfs(["init", "-q"] + other)
      try await vault.gitfs(["init"] + other, expecting: 1)
      try await vault.restic(other + ["check", "--no-cache"])
      try await waitUntil { Self.programs(vault).isEmpty }
    }
  }

  @Test("an rclone that is killed several times during a push costs time, and nothing else")
  func killed() async throws {
    try await MountedRepository.with { vault in
      let options = try Self.options(.current, vault)
      let source = try await vault.makeHistory(commits: 60)
      try await vault.mount(options)
      let killing = Task {
        for _ in 0..<4 {
          try await Task.sleep(for: .milliseconds(Int.random(in: 20..<400)))  // Any moment will do.
          for process in Self.programs(vault) { kill(process, SIGKILL) }
        }
      }
      try await vault.git(["push", "--quiet", "--mirror", vault.mountpoint.string], in: source)
      try await killing.value
      async let saved = vault.sync()
      for process in Self.programs(vault) { kill(process, SIGKILL) }
      _ = try await saved
      try await vault.unmount()
      try await vault.mount(options + ["--read-only"])
      #expect(try await vault.refs() == vault.refs(source))
      try await vault.git(["fsck", "--strict", "--full"])
      try await vault.unmount()
    }
  }

  @Test("an unknown remote and a missing rclone are reported within seconds, with advice")
  func missing() async throws {
    try await MountedRepository.with { vault in
      for (options, said) in [
        (["-r", "rclone:nosuchremote:x"], "nosuchremote"),
        (["-r", "rclone:x:", "-o", "rclone.program=no-such-rclone"], "https://rclone.org/install"),
      ] {
        let result = try await vault.result(
          vault.program.string, ["mount"] + options + [vault.mountpoint.string], timeout: .seconds(120))
        #expect(result.status == .exited(1))
        #expect(result.errorOutput.contains(said), "\(result.errorOutput)")
      }
    }
  }
}
