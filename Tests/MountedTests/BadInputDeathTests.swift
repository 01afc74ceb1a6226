import Foundation
import Glibc
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@Suite("A serving process that is killed")
struct BadInputDeathTests {
  /// The files of round `number`: a commit of them takes several packs.
  private static let write = """
    chance = random.Random(int(sys.argv[1]))
    for index in range(6): put("file%d" % index, chance.randbytes(1200000))
    put("round", sys.argv[1].encode())
    """

  // R1 `restic check --read-data` finds nothing wrong with a repository that was written by a mount, whenever it was
  // interrupted.
  @Test(
    "during a commit, at 15 random moments: the old or the new snapshot is there and complete, and nothing blocks the next mount"
  )
  func whileCommitting() async throws {
    try await MountedRepository.with(checks: false) { vault in
      var random = SystemRandomNumberGenerator()
      var listings: [String: TreeListing] = [:]
      var longest = Duration.milliseconds(200)
      var shown = ""
      try await vault.mount(["--pack-size", "4"])
      for round in 0..<15 {
        let number = String(round)
        try await vault.python(Self.write, [number])
        listings[number] = try await vault.listing(times: false)
        let before = try await vault.snapshotIDs()
        let process = try await vault.status().pid
        let start = ContinuousClock.now
        let commit = Task {
          try await vault.result(vault.program.string, ["sync", vault.mountpoint.string])
        }
        if round == 0 {
          // To know how long it takes.
          #expect(try await commit.value.isSuccess)
          longest = start.duration(to: .now)
        } else {
          try await Task.sleep(for: longest * Double.random(in: 0...1, using: &random))  // Any moment will do.
        }
        kill(process, SIGKILL)
        let result = try await commit.value
        #expect(result.isSuccess || result.errorOutput.contains("gone"), "\(result.errorOutput)")
        try await vault.waitForEnd()

        try await Self.recover(vault)
        try await vault.mount(["--pack-size", "4"])
        #expect(try vault.lockFiles().isEmpty)
        let found = try await vault.shell("cat round")
        #expect(found == number || found == shown)
        #expect(!result.isSuccess || found == number)
        try await vault.expect(vault.mountpoint, shows: try #require(listings[found]), times: false)
        #expect(try await vault.snapshotIDs().count == before.count + (found == number ? 1 : 0))
        shown = found
        try await vault.restic(["check", "--read-data", "--no-cache"])
      }
      // An ordinary prune removes the leftovers of the dead processes.
      try await vault.unmount()
      try await vault.restic(["prune", "--no-cache"])
      try await vault.check()
      try vault.removeUnfinishedFiles()
    }
  }

  /// Frees the mountpoint of the dead process. The messages on the way name the remedy.
  private static func recover(_ vault: MountedRepository) async throws {
    let path = vault.mountpoint.string
    for arguments in [["mount", path], ["sync", path], ["status", path]] {
      try await vault.expectFailure(arguments, code: 1, saying: "is gone", "restic-gitfs umount \(path)")
    }
    try await vault.expectFailure(["umount", path], code: 1, saying: "had died", "free again")
    #expect(vault.mounts().isEmpty)
    try await vault.expectFailure(["umount", path], code: 1, saying: "is not a restic-gitfs mount")
  }

  @Test("while programs look at the mount: they get an error, and do not hang")
  func whileReading() async throws {
    try await MountedRepository.with { vault in
      try await vault.mount()
      try await vault.shell("head -c 3000000 /dev/urandom > file")
      let reader = Task {
        try await vault.python(
          """
          put(os.environ["TMPDIR"] + "/reading")
          try:
              while True: os.getxattr(".", "user.restic.status")
          except OSError as error: equal(error.errno in (errno.ENOTCONN, errno.ECONNABORTED), True, error)
          """)
      }
      try await vault.wait(for: "the reader") {
        FileManager.default.fileExists(atPath: vault.path("tmp/reading").string)
      }
      kill(try await vault.status().pid, SIGKILL)
      _ = try await reader.value
      try await vault.waitForEnd()
      try await Self.recover(vault)
      // Uncommitted changes are lost: see SEMANTICS.md. The next mount removes the lock.
      try await vault.mount(["--no-git-init"])
      #expect(try vault.lockFiles().isEmpty)
      #expect(try await vault.shell("ls -A") == "")
      try await vault.unmount()
    }
  }

  @Test("or stopped: status names the mount that does not answer, and does not hang")
  func stopped() async throws {
    try await MountedRepository.mounted { vault in
      let (process, path) = (try await vault.status().pid, vault.mountpoint.string)
      kill(process, SIGSTOP)
      defer { kill(process, SIGCONT) }
      try await vault.expectFailure(["status", path], code: 1, saying: "\(path) does not answer")
      #expect(try await vault.gitfs(["status"]).contains("\(path) does not answer"))
      #expect(try await vault.gitfs(["status", "--json"]).contains("\(path) does not answer"))
      kill(process, SIGCONT)
      #expect(try await vault.status().pid == process)
    }
  }

  @Test("during the start, before the mount is ready: nothing stays mounted, and the next mount works")
  func whileMounting() async throws {
    try await MountedRepository.with { vault in
      for delay in [1, 20, 50, 100, 150, 200, 250, 300] {
        let hasEnded = Flag()
        let mount = Task {
          defer { hasEnded.isSet.withLock { $0 = true } }
          return try await vault.result(vault.program.string, ["mount", vault.mountpoint.string])
        }
        try await Task.sleep(for: .milliseconds(delay))  // Any moment will do.
        // Both processes are killed: the one that waits, and the one that would serve. On a busy machine neither may have begun.
        try await vault.wait(for: "the end of all processes") {
          for process in vault.processes() { kill(process, SIGKILL) }
          return hasEnded.isSet.withLock { $0 } && vault.processes().isEmpty
        }
        _ = try await mount.value
        if vault.isMounted() { try await vault.gitfs(["umount", vault.mountpoint.string], expecting: 1) }
        try await vault.mount(["--no-git-init"])
        #expect(try vault.lockFiles().isEmpty)
        try await vault.unmount()
      }
      try vault.removeUnfinishedFiles()
    }
  }
}

extension MountedRepository {
  /// The names of the locks. Partial files of a killed process do not count, for restic neither.
  fileprivate func lockFiles() throws -> [String] {
    try stored("locks").filter { $0.utf8.count == 64 }
  }

  /// Removes the partial files of a killed process.
  fileprivate func removeUnfinishedFiles() throws {
    for path in try storedFiles().keys where path.contains("-tmp-") {
      try FileManager.default.removeItem(atPath: repository.appending(path).string)
    }
  }
}

/// A signal that an event has happened.
private final class Flag: Sendable {
  let isSet = Locked(false)
}
