import Foundation
import Glibc
import ResticTestSupport
import SystemPackage
import Testing

@Suite("Storage that fails", .enabled(if: geteuid() == 0, "mounting needs root"))
struct BadInputStorageTests {
  private static let write = """
    chance = random.Random(int(sys.argv[1]))
    for name, size in [("large", 6000000), ("small", 5), ("empty", 0)]: put(name, chance.randbytes(size))
    os.makedirs("folder", exist_ok=True); put("folder/file", chance.randbytes(100000))
    """

  // C5 A commit that fails is an error of `sync`; the mount stays as it was, and the next commit saves everything.
  // C6 A last commit that fails brings the mount back with everything that was written.
  @Test(
    "a full disk: sync says so, and a failed unmount brings the mount back; nothing is lost, and everything is saved once there is space"
  )
  func fullDisk() async throws {
    try await MountedRepository.with { vault in
      try await vault.withDisk(size: "4m") {
        try await vault.mount()
        try await vault.python(Self.write, ["1"])
        let listing = try await vault.listing()

        for command in ["sync", "umount"] {
          try await vault.expectFailure(
            [command, vault.mountpoint.string], code: 1, saying: "no space left", "it stays mounted, nothing is lost")
          let status = try await vault.status()
          #expect(status.state == "dirty" && status.snapshot == nil)
          #expect(status.lastError?.message.contains("no space left") == true && status.lastError?.exitCode == 1)
          try await vault.expect(vault.mountpoint, shows: listing)
        }
        let synced = try await vault.result("sync", [vault.mountpoint.string])
        #expect(synced.status == .exited(1) && synced.errorOutput.contains("No space left"))

        // fusermount3 has no way to report the failure.
        for _ in 0..<2 {
          try await vault.run("fusermount3", ["-u", vault.mountpoint.string])
          try await vault.wait(for: "the mount's return") { vault.isMounted() }
          try await vault.expect(vault.mountpoint, shows: listing)
        }
        try await vault.shell("echo later > later")
        let changed = try await vault.listing()
        #expect(try await vault.snapshotIDs().isEmpty)

        try await vault.resizeDisk(to: "32m")
        try await vault.run("fusermount3", ["-u", vault.mountpoint.string])
        try await vault.waitForEnd()
        #expect(try await vault.snapshotIDs().count == 1)
        try await vault.check()
        try await vault.mount()
        try await vault.expect(vault.mountpoint, shows: changed)
        try await vault.unmount()
      }
    }
  }

  @Test("a nearly full disk: whichever part of a commit finds no space, restic finds the repository sound")
  func nearlyFullDisk() async throws {
    try await MountedRepository.with { vault in
      try await vault.withDisk(size: "16m") {
        try await vault.mount()
        try await vault.sync()
        var saved = try await vault.snapshotIDs()
        var failures = 0
        for room in [0, 4096, 8192, 12288, 16384, 20480, 24576, 32768, 65536] {
          try await vault.shell("head -c 3000 /dev/urandom > file\(room)")
          let listing = try await vault.listing()
          try await vault.fillDisk(leaving: room)
          let result = try await vault.result(vault.program.string, ["sync", vault.mountpoint.string])
          try await vault.expect(vault.mountpoint, shows: listing, "\(room) bytes of room: \(result.errorOutput)")
          let now = try await vault.snapshotIDs()
          if result.isSuccess {
            #expect(now.count == saved.count + 1)
          } else {
            failures += 1
            #expect(result.status == .exited(1) && result.errorOutput.contains("no space left"))
            #expect(now == saved)
          }
          try await vault.restic(["check", "--read-data", "--no-cache", "--no-lock"])
          try FileManager.default.removeItem(atPath: vault.path("disk/ballast").string)
          try await vault.sync()
          saved = try await vault.snapshotIDs()
        }
        #expect(failures > 2)
        try await vault.unmount()
        try await vault.check()
      }
    }
  }

  @Test(
    "a repository that vanishes: uncached reads are EIO, commits fail, and the mount goes on when the repository is back"
  )
  func vanished() async throws {
    try await MountedRepository.with { vault in
      try await vault.mount()
      try await vault.python(Self.write, ["2"])
      let listing = try await vault.listing(times: false)
      try await vault.unmount()
      let away = vault.path("away")

      // Moved away, with nothing or an empty folder in its place, as when a disk was unmounted.
      for leavesFolder in [false, true] {
        try await vault.mount()
        #expect(try await vault.shell("cat folder/file | wc -c") == "100000")
        try FileManager.default.moveItem(atPath: vault.repository.string, toPath: away.string)
        if leavesFolder { try vault.makeFolder("repository") }

        try await vault.shell("cat folder/file > \"$T/copy\"")
        let failed = try await vault.result("cat", ["large"], in: vault.mountpoint)
        #expect(failed.status == .exited(1) && failed.errorOutput.contains("Input/output error"))
        try await vault.shell("echo new > new\(leavesFolder); cat small > /dev/null || true")
        for command in ["sync", "umount"] {
          let message = try await vault.expectFailure(
            [command, vault.mountpoint.string], code: 10, saying: "is its disk mounted?", "nothing is lost")
          #expect(!message.contains("init"))
        }
        try await vault.run("fusermount3", ["-u", vault.mountpoint.string])
        try await vault.wait(for: "the mount's return") { vault.isMounted() }
        #expect(try await vault.shell("cat new\(leavesFolder)") == "new")
        #expect(try vault.storedFiles().isEmpty)

        if leavesFolder { try FileManager.default.removeItem(atPath: vault.repository.string) }
        try FileManager.default.moveItem(atPath: away.string, toPath: vault.repository.string)
        #expect(try await vault.sync().changed)
        try await vault.shell("rm new\(leavesFolder)")
        try await vault.expect(vault.mountpoint, shows: listing, times: false)
        try await vault.unmount()
        try await vault.check()
      }
    }
  }

  @Test("a repository that becomes read-only: commits fail, and succeed when the repository is writable again")
  func becomesReadOnly() async throws {
    try await MountedRepository.with { vault in
      try await vault.withDisk(size: "16m") {
        try await vault.mount()
        try await vault.sync()
        try await vault.run("mount", ["-o", "remount,ro,bind", vault.repository.string])
        try await vault.shell("echo new > new")
        try await vault.expectFailure(["sync", vault.mountpoint.string], code: 1, saying: "Read-only file system")
        try await vault.run("fusermount3", ["-u", vault.mountpoint.string])
        try await vault.wait(for: "the mount's return") { vault.isMounted() }
        #expect(try await vault.shell("cat new") == "new")
        try await vault.run("mount", ["-o", "remount,rw,bind", vault.repository.string])
        #expect(try await vault.unmount().changed)
        try await vault.check()
      }
    }
  }

  @Test(
    "a read-only disk: --read-only mounts the repository, also beside a dead process's lock; a writable mount is refused with the reason"
  )
  func readOnlyDisk() async throws {
    try await MountedRepository.with { vault in
      try await vault.mount()
      try await vault.python(Self.write, ["3"])
      let listing = try await vault.listing()
      try await vault.unmount()
      // A lock that can't be removed.
      try await vault.mount()
      try await vault.shell("echo unsaved > unsaved")
      try await vault.wait(for: "the lock") { try !vault.stored("locks").isEmpty }
      try await vault.killServer()
      try await vault.gitfs(["umount", vault.mountpoint.string], expecting: 1)

      try await vault.withDisk(size: "16m") {
        try await vault.run("mount", ["-o", "remount,ro,bind", vault.repository.string])
        let result = try await vault.result(vault.program.string, ["mount", vault.mountpoint.string])
        #expect(result.status == .exited(1))
        #expect(result.errorOutput.contains("Read-only file system") && result.errorOutput.contains("--read-only"))
        try await vault.mount(["--read-only"])
        try await vault.expect(vault.mountpoint, shows: listing)
        let written = try await vault.result("touch", ["new"], in: vault.mountpoint)
        #expect(written.errorOutput.contains("Read-only file system"))
        try await vault.unmount()
        try await vault.run("mount", ["-o", "remount,rw,bind", vault.repository.string])
      }
      try await vault.mount()
      #expect(try vault.stored("locks").isEmpty)
      try await vault.unmount()
    }
  }
}

extension MountedRepository {
  /// Kills the process that serves the mount, and waits until it is gone.
  func killServer(at name: String = "mnt") async throws {
    let process = try await status(at: name).pid
    kill(process, SIGKILL)
    try await wait(for: "the end of the server") { processes().isEmpty }
  }

  /// As `expectRefusal`, for a command on a mount: the daemon may have left something in the repository.
  @discardableResult
  func expectFailure(
    _ arguments: [String], code: Int32, saying words: String..., at location: SourceLocation = #_sourceLocation
  ) async throws -> String {
    let result = try await result(program.string, arguments)
    let text = result.errorOutput
    #expect(result.status == .exited(code), "\(text)", sourceLocation: location)
    #expect(
      text.hasPrefix("restic-gitfs: ") && text.split(separator: "\n").count == 1, "\(text)", sourceLocation: location)
    for word in words { #expect(text.contains(word), "\(text)", sourceLocation: location) }
    return text
  }
}
