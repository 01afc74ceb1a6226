import Foundation
import Glibc
import ResticTestSupport
import SystemPackage
import Testing

@Suite("From mount to unmount")
struct LifecycleTests {
  // C10 restic-gitfs umount and sync wait, and print the snapshot. fusermount -u returns at once; a mount of the same
  // repository waits for that commit.
  @Test(
    "a mount that comes right after fusermount -u waits for the commit and shows everything",
    arguments: ["mnt", "elsewhere"])
  func mountDuringCommit(_ place: String) async throws {
    try await MountedRepository.mounted { vault in
      try await vault.shell("head -c 4000000 /dev/urandom > large; echo last > file; sha256sum large > $T/sum")
      // What is written is with the process now; what it does about the unmount has to wait.
      let process = try #require(vault.processes().first)
      #expect(kill(process, SIGSTOP) == 0)
      defer { kill(process, SIGCONT) }
      try await vault.shell("fusermount3 -u $M", in: "/")
      #expect(try vault.stored("snapshots").isEmpty)
      #expect(vault.stateFiles().count == 1)
      let folder = try vault.makeFolder(place)
      let said = vault.path("said")
      async let next = vault.shell(
        "'\(vault.program)' mount -v --log-file '\(vault.log)' --no-git-init '\(folder)' 2> '\(said)'", in: "/")
      try await vault.wait(for: "the next mount's wait") {
        // There is no such file before the shell has begun.
        (try? String(contentsOfFile: said.string, encoding: .utf8))?.contains("waiting for ") ?? false
      }
      #expect(!vault.isMounted(at: place))
      kill(process, SIGCONT)
      _ = try await next
      #expect(try vault.stored("snapshots").count == 1)
      try await vault.shell("sha256sum --quiet -c $T/sum; test $(cat file) = last", in: vault.path(place))
      try await vault.unmount(at: place)
      #expect(try await vault.snapshots().count == 1)
    }
  }

  // C10 restic-gitfs umount and sync wait, and print the snapshot.
  @Test("sync and umount print the snapshot, for people and as JSON")
  func reports() async throws {
    try await MountedRepository.mounted { vault in
      let mountpoint = vault.mountpoint.string
      try await vault.shell("echo 1 > file")
      let first = try await vault.gitfs(["sync", mountpoint])
      let id = try #require(try vault.stored("snapshots").first)
      #expect(first == "snapshot \(id.prefix(8)) saved")
      #expect(try await vault.gitfs(["sync", mountpoint]) == "no changes, snapshot is \(id.prefix(8))")
      #expect(try await vault.gitfs(["sync", "--quiet", mountpoint]) == "")
      #expect(try await vault.gitfs(["snapshots", "--json"]).contains(id))
      try await vault.shell("echo 2 > file")
      let report = try await vault.sync()
      #expect(report.changed && report.snapshot != id)
      #expect(try await vault.shell("getfattr --only-values -n user.restic.snapshot .") == report.snapshot)
      #expect(
        try await vault.gitfs(["umount", mountpoint]) == "no changes, snapshot is \(report.snapshot?.prefix(8) ?? "")")
      #expect(try await vault.gitfs(["status"]).contains(mountpoint) == false)
    }
  }

  @Test("a mount of a snapshot shows its content; a mount of an empty repository creates a bare git repository")
  func firstMount() async throws {
    try await MountedRepository.with { vault in
      let first = try await vault.result(vault.program.string, ["mount", vault.mountpoint.string])
      #expect(first.isSuccess && first.errorOutput.contains("created a bare git repository"), "\(first)")
      try await vault.shell(
        "git fsck --strict; test $(git config receive.unpackLimit) = 1; test $(git symbolic-ref HEAD) = refs/heads/main"
      )
      try await vault.unmount()
      try await vault.shell("restic backup --quiet .", in: vault.path("python"))
      let second = try await vault.result(vault.program.string, ["mount", vault.mountpoint.string])
      #expect(
        second.isSuccess && second.errorOutput.contains("no bare git repository at its root; it shows prelude.py"),
        "\(second)")
      try await vault.unmount()
      let third = try await vault.result(vault.program.string, ["mount", "--path", "/git", vault.mountpoint.string])
      #expect(third.isSuccess && third.errorOutput == "", "\(third)")
      try await vault.unmount()
    }
  }

  @Test("100 mounts and unmounts leave no process, mount, file or descriptor behind")
  func manyRounds() async throws {
    try await MountedRepository.with { vault in
      let ways = ["\(vault.program) umount --quiet $M", "fusermount3 -u $M", "umount $M", "kill -TERM $D"]
      for round in 0..<100 {
        try await vault.gitfs([
          "mount", "--no-git-init", "--quiet", "--log-file", vault.log.string, vault.mountpoint.string,
        ])
        if round % 10 == 0 {
          try await vault.shell("echo \(round) > file")
        } else {
          try await vault.shell("test -s file")
        }
        let process = try await vault.status().pid
        try await vault.shell("D=\(process); \(ways[round % ways.count])", in: "/")
        // A new mount waits for the commit of the one before; only the last one has to be over.
        try await vault.wait(for: "the unmount") { !vault.isMounted() }
      }
      try await vault.waitForEnd()
      #expect(try await vault.snapshots().count == 10)
      #expect(vault.stateFiles().isEmpty)
      #expect(try await vault.shell("find tmp -mindepth 1; find repository -name '*tmp*'", in: vault.folder) == "")
    }
  }

  // R1 […] whenever it was interrupted. What was not committed is lost: see "Where it differs from a local disk".
  // C10 What another client has saved is not reported as saved by this mount.
  @Test("sync and umount of a mount without changes do not report another mount's snapshot as saved")
  func savedByOthers() async throws {
    try await MountedRepository.mounted { vault in
      let other = try await vault.mount([], at: "other")
      try await vault.shell("echo 1 > file", in: other)
      try await vault.gitfs(["sync", other.string])
      let id = try #require(try await vault.snapshotIDs().last).prefix(8)
      #expect(try await vault.gitfs(["sync", vault.mountpoint.string]) == "nothing to save, snapshot is now \(id)")
      try await vault.shell("echo 2 > file", in: other)
      try await vault.unmount(at: "other")
      let end = try await vault.gitfs(["umount", "--json", vault.mountpoint.string])
      #expect(end.contains(#""saved":false"#), "\(end)")
    }
  }

  @Test("after SIGKILL the repository is sound, the mountpoint is freed, and the next mount has the last commit")
  func killed() async throws {
    try await MountedRepository.mounted { vault in
      try await vault.shell("echo saved > file; sync .; echo lost > file")
      let process = try await vault.status().pid
      try await vault.settle()
      try await vault.shell("kill -KILL \(process)", in: "/")
      try await vault.waitForEnd()
      let refused = try await vault.result(vault.program.string, ["mount", vault.mountpoint.string])
      #expect(refused.status == .exited(1) && refused.errorOutput.contains("is gone"), "\(refused)")
      try await vault.gitfs(["umount", vault.mountpoint.string], expecting: 1)
      #expect(!vault.isMounted())
      try await vault.mount()
      #expect(try await vault.shell("cat file") == "saved")
      try await vault.shell("echo more > file")
    }
  }

  @Test("the fixture fails a test that leaves a mount behind")
  func guardBites() async throws {
    try await withKnownIssue {
      // The mount does not end, however long the grace period is.
      try await MountedRepository.with(grace: .milliseconds(100), checks: false) { vault in
        try await vault.mount(["--no-git-init"])
        try await vault.shell("echo > dirty")
        try await vault.wait(for: "the lock") { try !vault.stored("locks").isEmpty }
        _ = try await vault.status()
      }
    } matching: { issue in
      "\(issue)".contains("left behind") || issue.comments.contains { $0.rawValue.contains("left behind") }
    }
  }

  // P8 At the level info the log tells what a mount did.
  @Test("the log tells the story of a mount: mounted, saved, refreshed, unmounted")
  func story() async throws {
    try await MountedRepository.with { vault in
      try await vault.shell(
        "\(vault.program) mount -v --log-file $T/story $M; echo 1 >$M/file; \(vault.program) sync $M", in: "/")
      let other = try await vault.mount([], at: "other")
      try await vault.shell("echo 2 >other", in: other)
      try await vault.unmount(at: "other")
      try await vault.shell("\(vault.program) sync $M; \(vault.program) umount $M", in: "/")
      let ids = try await vault.snapshotIDs().map { String($0.prefix(8)) }
      let story = try await vault.shell("cut -d ' ' -f 2- $T/story", in: "/")
      #expect(ids.count == 2)
      for words in [
        "info mounted \(vault.location) at \(vault.mountpoint): no snapshot yet", "info saved snapshot \(ids[0]): ",
        "info now showing snapshot \(ids[1])", "info unmounted: ",
      ] {
        #expect(story.contains(words), "\(story)")
      }
    }
  }

  // P9 RESTIC_GITFS_TRACE tells every change of a mount, and nothing of what files hold.
  @Test("tracing reports every change of a mount, in order, without the content of files")
  func trace() async throws {
    try await MountedRepository.with { vault in
      try await vault.shell("RESTIC_GITFS_TRACE=$T/trace \(vault.program) mount --no-git-init $M", in: "/")
      try await vault.shell("mkdir d; echo contents >d/a; mv d/a b; chmod 600 b; ln b c; rm b")
      try await vault.unmount()
      let trace = try await vault.shell("stat -c %a $T/trace; cat $T/trace", in: "/")
      #expect(trace.hasPrefix("600\n"))
      #expect(!trace.contains("contents"))
      var rest = Substring(trace)
      for change in [
        ".create(NewInode(type: .dir,", ".create(NewInode(type: .file,", ".write(.count(9), to: 3, offset: 0)",
        ".rename(\"a\", in: 2, to: \"b\", newDirectory: 1, .", ".setAttributes(AttributeChanges(mode: 0o100600",
        ".link(3, as: \"c\", in: 1)", ".unlink(\"b\", in: 1)",
      ] {
        let found = try #require(rest.range(of: change), "\(change) in \(trace)")
        rest = rest[found.upperBound...]
      }
    }
  }
}
