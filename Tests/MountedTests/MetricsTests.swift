import Foundation
import Glibc
import ResticTestSupport
import SystemPackage
import Testing

/// U9, U10: --metrics-file on real mounts.
@Suite("A mount's metrics file")
struct MetricsTests {
  /// The value of the only sample of `metric` in `text`.
  private static func value(_ metric: String, _ text: String, _ label: String = "") -> Double? {
    let lines = text.split(separator: "\n").filter { line in
      line.hasPrefix("\(metric){") && (label.isEmpty || line.contains(label))
    }
    return lines.count == 1 ? lines[0].split(separator: " ").last.flatMap { Double($0) } : nil
  }

  private static func text(_ file: FilePath) throws -> String {
    try String(contentsOfFile: file.string, encoding: .utf8)
  }

  // U9 The file tells commits, bytes and requests; U10 at the end it says that the mount is not served.
  @Test("appears with the mount, counts its work, and says at the end that the mount is gone")
  func figures() async throws {
    try await MountedRepository.with(storage: .local) { vault in
      let file = vault.path("vault.prom")
      try await vault.mount(["--metrics-file", file.string])
      try await vault.wait(for: "the file") { FileManager.default.fileExists(atPath: file.string) }
      let first = try Self.text(file)
      #expect(
        Self.value("restic_gitfs_up", first) == 1 && Self.value("restic_gitfs_commits_total", first) == 0, "\(first)")
      #expect(
        first.contains("mountpoint=\"\(vault.mountpoint)\"") && first.contains("repository=\"\(vault.repository)\""))
      try await vault.shell("head -c 100000 /dev/urandom > file; cat file > /dev/null")
      try await vault.sync()
      try await vault.wait(for: "the next figures") {
        Self.value("restic_gitfs_commits_total", try Self.text(file)) == 1
      }
      let next = try Self.text(file)
      #expect(try #require(Self.value("restic_gitfs_sent_bytes_total", next)) > 100_000)
      #expect(try #require(Self.value("restic_gitfs_fuse_requests_total", next, "kind=\"write\"")) > 0)
      #expect(try #require(Self.value("restic_gitfs_last_snapshot_timestamp_seconds", next)) > 1_700_000_000)
      #expect(
        Self.value("restic_gitfs_dirty_bytes", next) == 0 && Self.value("restic_gitfs_commit_failures_total", next) == 0
      )
      try await vault.unmount()
      try await vault.waitForEnd()
      #expect(Self.value("restic_gitfs_up", try Self.text(file)) == 0)
      let mode = try FileManager.default.attributesOfItem(atPath: file.string)[.posixPermissions] as? Int
      #expect(mode == 0o644)
      let beside = try FileManager.default.contentsOfDirectory(atPath: vault.folder.string)
      #expect(!beside.contains { $0.hasSuffix(".tmp") })
    }
  }

  // U10 […] no secret is in it.
  @Test("holds no password of a server, and a folder that cannot be written is refused before the mount")
  func secrets() async throws {
    try await MountedRepository.with(storage: .local) { vault in
      let server = try await RcloneServer(folder: vault.repository, options: ["--user", "bob", "--pass", "geheim-99"])
      let location = "rest:" + server.url.replacingOccurrences(of: "http://", with: "http://bob:geheim-99@")
      let file = vault.path("vault.prom")
      try await vault.mount(["-r", location, "--metrics-file", file.string])
      try await vault.wait(for: "the file") { FileManager.default.fileExists(atPath: file.string) }
      let text = try Self.text(file)
      #expect(text.contains("bob:***@") && !text.contains("geheim"))
      try await vault.unmount()
      try await server.stop()
      try await vault.expectRefusal(
        ["mount", "--metrics-file", "/nowhere/x.prom", vault.mountpoint.string], code: 1, saying: "--metrics-file")
    }
  }

  // U10 If the file cannot be written at the start, the mount does not begin.
  @Test("is refused before the mount if it cannot be written: a folder, a name that is too long, an empty name")
  func refused() async throws {
    try await MountedRepository.with(storage: .local) { vault in
      let folder = try vault.makeFolder("x.prom").string
      for file in [folder, "\(folder)/\(String(repeating: "n", count: 250)).prom", ""] {
        try await vault.expectRefusal(
          ["mount", "--metrics-file", file, vault.mountpoint.string], code: 1, saying: "--metrics-file")
      }
    }
  }

  // U9 […] A reader sees the old file or the new one: nothing else is written to, whatever lies in the folder.
  @Test("replaces a symbolic link instead of following it; a second mount that writes the file is noticed")
  func others() async throws {
    try await MountedRepository.with(storage: .local) { vault in
      try await vault.shell("echo kept > target; ln -s target a.prom", in: vault.folder)
      try await vault.mount(["--metrics-file", vault.path("a.prom").string])
      try await vault.mount(
        ["--read-only", "--metrics-file", vault.path("a.prom").string], at: "other")
      try await vault.shell("test \"$(cat target)\" = kept; test ! -L a.prom", in: vault.folder)
      try await vault.wait(for: "the warning") {
        try Self.text(vault.log).contains("somebody else writes the metrics file")
      }
      try await vault.unmount(at: "other")
      try await vault.unmount()
    }
  }
}
