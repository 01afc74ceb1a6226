import Foundation
import Glibc
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

@Suite("A repository that cannot be opened")
struct BadInputRepositoryTests {
  @Test("because of a wrong password: exit code 12")
  func wrongPassword() async throws {
    try await MountedRepository.with { vault in
      let mount = ["mount", vault.mountpoint.string]
      for wrong in ["wrong", MountedRepository.password + " ", String(repeating: "x", count: 100_000)] {
        let environment: [String: String?] = ["RESTIC_PASSWORD": wrong]
        try await vault.expectRefusal(mount, code: 12, saying: "password", environment: environment)
        try await vault.expectRefusal(["snapshots"], code: 12, saying: "password", environment: environment)
      }
      // From standard input, which is no terminal: one try.
      let none: [String: String?] = ["RESTIC_PASSWORD": String?.none]
      try await vault.expectRefusal(
        mount, code: 12, saying: "password", input: "wrong\n\(MountedRepository.password)\n", environment: none)
      for empty in ["", "\n"] {
        try await vault.expectRefusal(mount, code: 1, saying: "password", input: empty, environment: none)
      }
    }
  }

  @Test("because there is none: exit code 10, and the program asks for no password")
  func noRepository() async throws {
    try await MountedRepository.with { vault in
      let empty = try vault.makeFolder("empty")
      let file = vault.path("file")
      try Data("config".utf8).write(to: URL(fileURLWithPath: file.string))
      for place in [empty, vault.path("missing"), file, empty.appending("deeper/still"), "/proc", "/dev/null"] {
        for command in [["mount", vault.mountpoint.string], ["snapshots"]] {
          try await vault.expectRefusal(
            command + ["-r", place.string], code: 10, saying: "there is no restic repository at \(place)",
            environment: ["RESTIC_PASSWORD": String?.none])
        }
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: empty.string).isEmpty)
      #expect(!FileManager.default.fileExists(atPath: vault.path("missing").string))
    }
  }

  @Test("because its format version is 3, 0 or huge", arguments: [3, 0, Int.max])
  func version(number: Int) async throws {
    try await MountedRepository.with(checks: false) { vault in
      let repository = try await vault.opened()
      var config = repository.config
      config.version = number
      try FileManager.default.removeItem(atPath: vault.repository.appending("config").string)
      try await repository.unpacked.saveConfig(config.encode())
      try await vault.expectRefusal(["mount", vault.mountpoint.string], code: 1, saying: "version \(number)")
    }
  }

  @Test(
    "because a restic process holds an exclusive lock: exit code 11 after --retry-lock, and a mount once the lock is gone"
  )
  func lockedByRestic() async throws {
    try await MountedRepository.with { vault in
      try await vault.mount()
      try await vault.unmount()

      let restic = try await StoppedCheck.start(on: vault)
      // Whatever fails from here on, restic must not wait for ever.
      defer { restic.resume() }

      let clock = ContinuousClock()
      for (limit, least) in [("0", Duration.zero), ("1500ms", .milliseconds(1500))] {
        let start = clock.now
        let line = try await vault.expectRefusal(
          ["mount", "-q", "--retry-lock", limit, vault.mountpoint.string], code: 11,
          saying: "exclusively by PID \(restic.process) on ",
          "--retry-lock", "restic unlock")
        #expect(line.contains("locked") && start.duration(to: clock.now) >= least)
      }
      #expect(try await vault.gitfs(["snapshots"]).contains("1 snapshot"))

      let said = vault.path("said")
      let mount = Task {
        try await vault.shell(
          "'\(vault.program)' mount -v --log-file '\(vault.log)' --retry-lock 10m $M 2> \(said)", in: "/")
      }
      try await vault.wait(for: "the mount's wait") {
        // There is no such file before the shell has begun.
        (try? String(contentsOfFile: said.string, encoding: .utf8))?.contains("waiting since") ?? false
      }
      restic.resume()
      #expect(try await restic.isSuccess())
      _ = try await mount.value
      try await vault.unmount()
    }
  }

  @Test("because another machine holds an exclusive lock; a shared lock does not matter")
  func lockedElsewhere() async throws {
    try await MountedRepository.with { vault in
      let repository = try await vault.opened()
      func lock(exclusive: Bool) async throws -> LockID {
        let file = LockFile(time: .now(), exclusive: exclusive, hostname: "elsewhere", username: "somebody", pid: 1)
        return try await repository.store(file.encode(), as: BackendFile.lock)
      }
      let exclusive = try await lock(exclusive: true)
      try await vault.expectRefusal(
        ["mount", "--retry-lock", "0", vault.mountpoint.string], code: 11, saying: "by PID 1 on elsewhere by somebody",
        exclusive.hex.prefix(8).description)
      try await repository.backend.remove(.lock(exclusive))

      let shared = try await lock(exclusive: false)
      try await vault.mount(["--retry-lock", "0"])
      try await vault.unmount()
      #expect(try vault.stored("locks") == [shared.hex])
      try await repository.backend.remove(.lock(shared))
    }
  }

  @Test(
    "because a lock appeared while the mount had nothing to save: sync fails with exit code 11, and succeeds once the lock is gone"
  )
  func lockedWhileMounted() async throws {
    try await MountedRepository.mounted(["--retry-lock", "0"]) { vault in
      try await vault.sync()
      let repository = try await vault.opened()
      let file = LockFile(time: .now(), exclusive: true, hostname: "elsewhere", username: "somebody", pid: 1)
      let lock = try await repository.store(file.encode(), as: BackendFile.lock)
      try await vault.shell("echo kept > file")
      try await vault.expectRefusal(
        ["sync", vault.mountpoint.string], code: 11, saying: "somebody", "it stays mounted, nothing is lost")
      #expect(try await vault.status().lastError?.exitCode == 11)
      #expect(try await vault.shell("cat file") == "kept")
      try await repository.backend.remove(.lock(lock))
      #expect(try await vault.sync().changed)
    }
  }

  @Test("because one exists already: init changes nothing")
  func alreadyThere() async throws {
    try await MountedRepository.with { vault in
      try await vault.expectRefusal(["init"], code: 1, saying: "already", "nothing was changed")
      // A repository without its config does not count as one, and must still not be overwritten.
      let config = vault.repository.appending("config").string
      try FileManager.default.moveItem(atPath: config, toPath: vault.path("config").string)
      try await vault.expectRefusal(["init"], code: 1, saying: "already")
      try FileManager.default.moveItem(atPath: vault.path("config").string, toPath: config)
    }
  }
}
