import Glibc
import ResticTestSupport
import SystemPackage
import Testing

/// C1 A snapshot is made at unmount by whatever means, by sync MNT or fsync of the mount's root, by restic-gitfs sync and
/// umount, on SIGUSR1; on SIGTERM and SIGINT, which also unmount; and with --commit-after D once D has passed without a
/// change.
@Suite("Every way to commit")
struct CommitWaysTests {
  @Test(
    "every way to unmount leaves one snapshot with everything",
    arguments: [
      "fusermount3 -u $M", "fusermount -u $M", "umount $M", "$P umount $M", "$P umount --quiet $M", "kill -TERM $D",
      "kill -INT $D",
      "kill -TERM $D; kill -TERM $D; kill -INT $D",
    ])
  func unmounting(_ way: String) async throws {
    try await MountedRepository.mounted { vault in
      try await vault.change("one")
      try await vault.perform(way)
      try await vault.waitForEnd()
      #expect(!vault.isMounted())
      try await vault.expectSaved("one", count: 1)
    }
  }

  @Test(
    "every way to commit a mount that goes on leaves a snapshot with everything, and nothing to save at the unmount",
    arguments: [
      "sync $M", "$P sync $M", "python3 -c 'import os; os.fsync(os.open(\"'$M'\", os.O_RDONLY))'", "kill -USR1 $D",
    ])
  func syncing(_ way: String) async throws {
    try await MountedRepository.mounted { vault in
      for (count, text) in [(1, "one"), (2, "two")] {
        try await vault.change(text)
        try await vault.perform(way)
        try await vault.wait(for: "the end of the commit") { try await vault.status().state == "clean" }
        try await vault.expectSaved(text, count: count)
        // C2 Without a change there is no snapshot.
        try await vault.perform(way)
      }
      try await vault.unmount()
      #expect(try await vault.snapshots().count == 2)
    }
  }

  @Test("--commit-after commits after that time without writes, and again after the next change")
  func commitAfter() async throws {
    try await MountedRepository.mounted(["--no-git-init", "--commit-after", "3s"]) { vault in
      var count = 0
      for text in ["one", "two"] {
        var longestPause = Duration.zero
        repeat {  // Again if the machine stood still meanwhile, which may have caused a commit.
          if longestPause > .zero { try await vault.sync() }
          count = try vault.stored("snapshots").count
          longestPause = .zero
          var last = ContinuousClock.now
          for _ in 0..<12 {  // 3.6 s of writing: no pause is long enough for a commit.
            try await vault.change(text)
            try await Task.sleep(for: .milliseconds(300))  // The loop measures this pause.
            longestPause = max(longestPause, last.duration(to: .now))
            last = .now
          }
        } while longestPause >= .milliseconds(2500)
        #expect(try vault.stored("snapshots").count == count)
        count += 1
        try await vault.wait(for: "the commit") { try vault.stored("snapshots").count == count }
        try await vault.wait(for: "its end") { try await vault.status().state == "clean" }
        try await vault.expectSaved(text, count: count)
      }
      // Time in which a commit without a change could show itself.
      try await Task.sleep(for: .milliseconds(3500))
      #expect(try vault.stored("snapshots").count == count)
    }
  }

  @Test("in the foreground SIGINT and SIGTERM commit and unmount, and the exit code is 0", arguments: ["INT", "TERM"])
  func foreground(_ signal: String) async throws {
    try await MountedRepository.with { vault in
      async let server = vault.result(
        vault.program.string,
        ["mount", "--foreground", "--no-git-init", "--log-file", vault.log.string, vault.mountpoint.string])
      try await vault.wait(for: "the mount") { vault.isMounted() }
      try await vault.change("one")
      try await vault.perform("kill -\(signal) $D")
      let result = try await server
      #expect(result.status == .exited(0), "\(result)")
      try await vault.expectSaved("one", count: 1)
    }
  }

  @Test(
    "a mount in use stays and keeps everything: umount fails with the reason, and SIGTERM unmounts once the mount is free"
  )
  func busy() async throws {
    try await MountedRepository.mounted { vault in
      async let holder = vault.shell(
        "exec 9> held; echo > $T/holding; echo held >&9; while test -e $T/holding; do sleep 0.05; done; echo more >&9")
      try await vault.wait(for: "the open file") {
        try await vault.result("test", ["-e", vault.path("holding").string]).isSuccess
      }
      let refused = try await vault.result(vault.program.string, ["umount", vault.mountpoint.string])
      #expect(refused.status == .exited(1) && refused.errorOutput.contains("in use"), "\(refused)")
      #expect(vault.isMounted())
      try await vault.perform("kill -TERM $D; rm $T/holding")
      _ = try await holder
      try await vault.waitForEnd()
      #expect(try await vault.dump("/held") == "held\nmore")
    }
  }
}

extension MountedRepository {
  /// Writes a file.
  fileprivate func change(_ text: String) async throws {
    try await shell("echo \(text) > file")
  }

  /// Runs a shell script that knows the program as `$P` and the serving process as `$D`.
  fileprivate func perform(_ script: String) async throws {
    let process = try await status().pid
    try await shell("P='\(program)'; D=\(process)\n\(script)", in: "/")
  }

  /// Fails the test unless there are `count` snapshots, the latest with `text`.
  fileprivate func expectSaved(_ text: String, count: Int, at location: SourceLocation = #_sourceLocation) async throws
  {
    #expect(try await snapshots().count == count, sourceLocation: location)
    #expect(try await dump("/file") == text, sourceLocation: location)
  }
}
