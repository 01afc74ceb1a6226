import Foundation
import ResticTestSupport
import SystemPackage
import Testing

@Suite("git maintenance beside everything else", .timeLimit(.minutes(30)))
struct MaintenanceCrashTests {
  private static let steps = ["pack-refs", "repack", "commit-graph"]

  /// No lock or unfinished file in the repository, and no folder of a run that was killed.
  private static let nothingLeft = """
    test -z "$(find . -name '*.lock' -o -name 'tmp_*' -o -name '.tmp-*')"
    """

  // T7 A crash in the middle leaves a sound repository, and the next time it works.
  @Test("git that is killed at any step leaves a sound repository and no lock", arguments: steps)
  func gitKilled(_ step: String) async throws {
    try await MountedRepository.with { vault in
      let git = try SlowGit(vault)
      try vault.makeFolder("mnt")
      try await vault.shell("\(git.program) mount -v --log-file \(vault.log) --no-maintenance $M", in: vault.folder)
      for delay in ["0", "0.004", "0.008", "0.015", "0.03"] {
        try await vault.shell(MaintenanceTests.pushes(4), in: vault.folder)
        try git.set("git \(step) \(delay)")
        // git may have been quicker.
        _ = try await vault.result(vault.program.string, ["maintain", vault.mountpoint.string])
        try git.clear()
        try await MaintenanceTests.expectSound(vault)
        try await vault.shell(Self.nothingLeft)
        try await vault.sync()
      }
      try await vault.gitfs(["maintain", vault.mountpoint.string])
      try await MaintenanceTests.expectSound(vault)
      try await vault.shell("test $(find objects/pack -name '*.pack' | wc -l) -lt 4; test -z \"$(find refs -type f)\"")
      try await vault.expectKept()
      try await vault.unmount()
    }
  }

  // T7 Whatever git has changed so far, a snapshot of that moment is sound, and so is what a killed git leaves.
  @Test("a snapshot between any two of git's changes is sound, and git that is killed there leaves nothing behind")
  func everyChange() async throws {
    try await MountedRepository.with { vault in
      let git = try SlowGit(vault)
      try await git.prepareChanges()
      for name in ["mnt", "copy"] { try vault.makeFolder(name) }
      try await vault.shell("\(git.program) mount -v --log-file \(vault.log) --no-maintenance $M", in: vault.folder)
      try await vault.shell(MaintenanceTests.pushes(1), in: vault.folder)
      try await vault.sync()
      try await vault.mount(["--read-only", "--refresh", "0"], at: "copy")
      let ended = vault.path("ended").string
      var change = 0
      var wasHeld = true
      while wasHeld {
        // Some sixty changes: all of them take minutes.
        change += SlowTests.areWanted ? 1 : 5
        try await vault.shell(MaintenanceTests.pushes(2), in: vault.folder)
        try await vault.shell("rm -f \(ended)", in: vault.folder)
        try git.set("change \(change)")
        let words = ["-c", "\"$0\" maintain \"$1\"; : >\"$2\"", vault.program.string, vault.mountpoint.string, ended]
        async let maintaining = vault.result("/bin/bash", words)
        try await vault.wait(for: "change \(change)") {
          git.isHeld || FileManager.default.fileExists(atPath: ended)
        }
        wasHeld = git.isHeld
        if wasHeld {
          try await vault.sync()
          try await vault.sync(at: "copy")
          try await MaintenanceTests.expectSound(vault, at: "copy")
          try await vault.shell(Self.nothingLeft, in: vault.path("copy"))
        }
        try git.clear()
        _ = try await maintaining
        try await MaintenanceTests.expectSound(vault)
        try await vault.shell(Self.nothingLeft)
      }
      #expect(change > 20, "\(change) changes")
      try await vault.shell("test $(find objects/pack -name '*.pack' | wc -l) -lt 4; test -z \"$(find refs -type f)\"")
      for name in ["mnt", "copy"] { try await vault.unmount(at: name) }
    }
  }

  // T7 A crash in the middle leaves a sound repository, and the next time it works.
  @Test("a serving process that is killed at any step loses nothing that was saved", arguments: steps)
  func mountKilled(_ step: String) async throws {
    try await MountedRepository.with { vault in
      let git = try SlowGit(vault)
      try vault.makeFolder("mnt")
      for delay in ["0", "0.01", "0.03", "0.1"] {
        try await vault.shell("\(git.program) mount -v --log-file \(vault.log) --no-maintenance $M", in: vault.folder)
        try await vault.shell(MaintenanceTests.pushes(4), in: vault.folder)
        try await vault.sync()
        try git.set("mount \(step) \(delay)")
        _ = try await vault.result(vault.program.string, ["maintain", vault.mountpoint.string])
        try git.clear()
        // git has files open until it notices.
        try await vault.wait(for: "the unmount") {
          _ = try await vault.result(vault.program.string, ["umount", vault.mountpoint.string])
          return !vault.isMounted() && vault.processes().isEmpty
        }
        try await vault.mount(["--read-only"])
        try await MaintenanceTests.expectSound(vault)
        try await vault.shell(Self.nothingLeft)
        try await vault.unmount()
      }
      // A partial lock file, which does not count as a lock.
      try await vault.shell("rm -f $REPOSITORY_FOLDER/locks/*-tmp-*", in: vault.folder)
      // The locks of dead processes do not block maintenance.
      try await vault.gitfs(["maintain"])
      try await vault.mount(["--read-only"])
      try await MaintenanceTests.expectSound(vault)
      try await vault.shell("test $(find objects/pack -name '*.pack' | wc -l) -lt 4")
      try await vault.unmount()
    }
  }

  // T7 The mount of a `maintain` that was killed goes with the next one.
  @Test("a killed maintain leaves a mount that the next maintain removes")
  func maintainKilled() async throws {
    try await MountedRepository.with { vault in
      let git = try SlowGit(vault)
      try await vault.mount(["--no-maintenance"])
      try await vault.shell(MaintenanceTests.pushes(4), in: vault.folder)
      try await vault.unmount()
      let mounts = "grep -c \"^restic:$REPOSITORY_FOLDER .*restic-gitfs-maintain-\" /proc/mounts || true"
      try git.set("hold repack")
      let maintain = "\(git.program) maintain & echo $! >\(vault.path("process")); wait"
      async let killed = vault.result("/bin/bash", ["-c", maintain])
      try await vault.wait(for: "the repack") { git.isHeld }
      try await vault.shell("kill -KILL $(cat \(vault.path("process")))", in: vault.folder)
      try git.clear()
      _ = try await killed
      #expect(try await vault.shell(mounts, in: vault.folder) == "1")
      // A partial lock file, which does not count as a lock.
      try await vault.shell("rm -f $REPOSITORY_FOLDER/locks/*-tmp-*", in: vault.folder)
      try await vault.gitfs(["maintain"])
      #expect(try await vault.shell(mounts, in: vault.folder) == "0")
    }
  }

  // T2 One client at a time keeps house.
  @Test("one of two clients does the maintenance, and restic goes on beside them")
  func two() async throws {
    try await MountedRepository.with { vault in
      let git = try SlowGit(vault)
      try await vault.mount(["--no-maintenance"])
      try await vault.shell(MaintenanceTests.pushes(4), in: vault.folder)
      try await vault.unmount()
      try git.set("hold repack")
      async let first = vault.shell("\(git.program) maintain --json", in: vault.folder)
      try await vault.wait(for: "the first client") { git.isHeld }
      try await vault.gitfs(["maintain"], expecting: 11)
      try await vault.restic(["backup", "--quiet", "--host", "other", vault.path("python").string])
      try await vault.restic(["snapshots"])
      try await vault.restic(["unlock"])
      try git.clear()
      #expect(try await first.contains("\"changed\":true"))
      try await vault.restic(["forget", "--keep-last", "2", "--prune"])
      try await vault.mount(["--read-only"])
      try await MaintenanceTests.expectSound(vault)
      try await vault.unmount()
    }
  }

  // T8 An unmount does not wait for git.
  @Test("umount and SIGTERM stop git first, and save what was pushed", arguments: ["umount", "SIGTERM"])
  func unmounting(_ way: String) async throws {
    try await MountedRepository.with { vault in
      let git = try SlowGit(vault)
      try vault.makeFolder("mnt")
      try await vault.shell("\(git.program) mount -v --log-file \(vault.log) --no-maintenance $M", in: vault.folder)
      try await vault.shell(MaintenanceTests.pushes(4), in: vault.folder)
      try git.set("hold repack")
      async let maintaining = vault.result(vault.program.string, ["maintain", vault.mountpoint.string])
      try await vault.wait(for: "git") { git.isHeld }
      if way == "umount" { try await vault.unmount() } else { kill(try await vault.status().pid, SIGTERM) }
      #expect(try await maintaining.status != .exited(0))
      try await vault.waitForEnd()
      try git.clear()
      try await vault.mount(["--read-only"])
      try await MaintenanceTests.expectSound(vault)
      try await vault.unmount()
    }
  }
}
