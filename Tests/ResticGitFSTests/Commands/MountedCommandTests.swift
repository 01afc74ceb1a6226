import FoundationEssentials
import Glibc
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

@Suite("A mount and the commands on it", .serialized, .timeLimit(.minutes(30)))
struct MountedCommandTests {
  private let program: ProgramRunner
  private let password: [String: String?] = ["RESTIC_PASSWORD": "geheim"]

  init() async throws {
    program = try ProgramRunner()
    var settings = Repository.Settings()
    settings.scryptCost = .minimum
    let password = Array("geheim".utf8).withUnsafeBytes { SecureBytes(copying: $0) }
    _ = try await Repository.create(
      on: LocalBackend(path: program.directory.appending("vault")), password: password, settings: settings)
  }

  private func makeMount(_ name: String, _ options: [String] = []) async throws -> FilePath {
    let path = program.directory.appending(name)
    _ = path.withPlatformString { mkdir($0, 0o700) }
    let result = try await program.run(["-r", "vault", "mount", "-q", name] + options, password)
    #expect(result.isSuccess, "\(result.errorOutput)")
    return path
  }

  /// Runs `body`, and unmounts everything afterwards in any case.
  private func withMounts(_ body: () async throws -> Void) async throws {
    let result = await Result { try await body() }
    for entry in try MountTable.load().entries where entry.mountpoint.starts(with: program.directory) {
      _ = entry.mountpoint.withPlatformString { umount2($0, Int32(MNT_DETACH)) }
    }
    try result.get()
  }

  private func status(_ name: String) async throws -> MountStatus {
    let result = try await program.run(["status", "--json", name])
    return try JSONDecoder().decode(MountStatus.self, from: Data(result.outputBytes))
  }

  private func snapshotCount() async throws -> Int {
    let result = try await program.run(["-r", "vault", "snapshots", "-q"], password)
    return try #require(result.output.split(separator: "\n").last?.split(separator: " ").first.flatMap { Int($0) })
  }

  @Test("a mount is ready when the command returns; sync and umount name the snapshot; nothing is left behind")
  func wholeWay() async throws {
    try await withMounts {
      let mount = try await makeMount("mount")
      try write(Array("content".utf8), to: mount.appending("file"))
      #expect(try await status("mount").state == .dirty)

      let synced = try await program.run(["sync", "mount"])
      #expect(synced.isSuccess && synced.output.hasPrefix("snapshot ") && synced.output.hasSuffix(" saved\n"))
      #expect(try await program.run(["sync", "mount"]).output.hasPrefix("no changes, "))
      let session = try #require(try await status("mount").sessionFile)

      // Through a symbolic link, too.
      #expect(symlink("mount", program.directory.appending("link").string) == 0)
      let unmounted = try await program.run(["umount", "link"])
      #expect(unmounted.isSuccess && unmounted.output.hasPrefix("no changes, "))
      #expect(access(session, F_OK) != 0)
      #expect(try await program.run(["umount", "mount"]).status == .exited(1))
      #expect(try await snapshotCount() == 1)
    }
  }

  @Test("the serving process keeps neither folder nor terminal nor password")
  func detached() async throws {
    try await withMounts {
      _ = try await makeMount("mount")
      let processID = try await status("mount").pid
      func link(_ name: String) -> String? { FilePath("/proc/\(processID)/\(name)").resolved()?.string }
      #expect(link("cwd") == "/")
      #expect((0..<3).map { link("fd/\($0)") } == ["/dev/null", "/dev/null", "/dev/null"])
      #expect(getsid(processID) == processID)
      let environment = String(decoding: try FileContent.load(FilePath("/proc/\(processID)/environ")), as: UTF8.self)
      #expect(!environment.contains("geheim"))
      let limits = String(decoding: try FileContent.load(FilePath("/proc/\(processID)/limits")), as: UTF8.self)
      #expect(limits.split(separator: "\n").contains { $0.hasPrefix("Max core file size        0     ") })
      #expect(try await program.run(["umount", "mount"]).isSuccess)
    }
  }

  @Test("umount of a mount in use fails, and still saves everything")
  func busy() async throws {
    try await withMounts {
      let mount = try await makeMount("mount")
      let open = try FileDescriptor.open(mount, .readOnly, options: [.closeOnExec, .directory])
      let result = try await program.run(["umount", "mount"])
      #expect(result.status == .exited(1) && result.errorOutput.contains("in use"))
      #expect(try await snapshotCount() == 1)
      try open.close()
      #expect(try await program.run(["umount", "mount"]).isSuccess)
    }
  }

  @Test("SIGTERM saves and unmounts; an immediate new mount waits and shows what was saved")
  func terminate() async throws {
    try await withMounts {
      let mount = try await makeMount("mount")
      try write([UInt8](repeating: 7, count: 10 << 20), to: mount.appending("file"))
      #expect(kill(try await status("mount").pid, SIGTERM) == 0)
      try await waitUntil { try MountTable.load().entry(at: try #require(mount.resolved())) == nil }
      let again = try await makeMount("again")
      #expect(access(again.appending("file").string, F_OK) == 0)
      #expect(try await program.run(["umount", "again"]).isSuccess)
    }
  }

  @Test("the second of two mounts with conflicting changes saves both, and exits with 3")
  func conflict() async throws {
    try await withMounts {
      let first = try await makeMount("first")
      #expect(try await program.run(["sync", "first"]).isSuccess)
      let second = try await makeMount("second")
      try write([1], to: first.appending("a"))
      try write([2], to: second.appending("a"))
      #expect(try await program.run(["umount", "first"]).isSuccess)

      let synced = try await program.run(["sync", "--json", "second"])
      #expect(synced.status == .exited(3) && synced.output.contains(#""conflict":true"#))
      #expect(synced.errorOutput.contains("a: changed on both sides"))
      let unmounted = try await program.run(["umount", "--json", "second"])
      #expect(unmounted.status == .exited(0) && unmounted.output.contains(#""conflict":false"#))
      #expect(try await snapshotCount() == 3)
    }
  }

  @Test("umount frees the mountpoint of a dead process, and says so")
  func died() async throws {
    try await withMounts {
      let mount = try await makeMount("mount")
      #expect(kill(try await status("mount").pid, SIGKILL) == 0)
      // The kernel ends the connection once all threads of the process have ended. It answers statfs(2) from no cache.
      var room = statvfs()
      try await waitUntil { statvfs(mount.string, &room) != 0 && errno == ENOTCONN }
      let refused = try await program.run(["-r", "vault", "mount", "mount"], password)
      #expect(refused.status == .exited(1) && refused.errorOutput.contains("umount"))
      #expect(try await program.run(["sync", "mount"]).status == .exited(1))
      let result = try await program.run(["umount", "mount"])
      #expect(result.status == .exited(1) && result.errorOutput.contains("died"))
      _ = try await makeMount("mount")
      #expect(try await program.run(["umount", "mount"]).isSuccess)
    }
  }

  @Test("--read-only and --snapshot ID show a snapshot and commit nothing")
  func readOnly() async throws {
    try await withMounts {
      _ = try await makeMount("mount")
      #expect(try await program.run(["umount", "mount"]).isSuccess)
      let listed = try await program.run(["-r", "vault", "snapshots", "--json"], password).output
      let id = try #require(listed.split(separator: #""short_id":""#).last?.prefix(8))
      for options in [["--read-only"], ["-o", "ro"], ["--snapshot", String(id)]] {
        let mount = try await makeMount("mount", options)
        #expect(throws: Errno.readOnlyFileSystem) { try write([], to: mount.appending("new")) }
        #expect(try await status("mount").readOnly)
        #expect(try await program.run(["umount", "mount"]).isSuccess)
      }
      #expect(try await snapshotCount() == 1)
    }
  }
}

extension Result where Failure == any Error {
  /// The result or the error of `body`.
  fileprivate init(_ body: () async throws -> Success) async {
    do {
      self = .success(try await body())
    } catch {
      self = .failure(error)
    }
  }
}
