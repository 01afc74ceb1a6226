import ResticTestSupport
import SystemPackage
import Testing

/// restic's forget and prune where they meet a mount that has moved on, or has not, with and without its lock.
@Suite("A prune beneath a mount")
struct PruneTests {
  // C11 A mount without changes shows a newer snapshot of the same thing within --refresh (30 s) and at every sync.
  @Test(
    "the base snapshot is pruned: a clean mount moves to the newest snapshot at its next refresh or sync",
    arguments: ["1s", "0s"])
  func cleanMount(refresh: String) async throws {
    try await MountedRepository.mounted(["--no-git-init", "--refresh", refresh]) { vault in
      try await vault.shell(
        "mkdir d; echo 1 > d/f; head -c 700000 /dev/urandom > gone; echo same > same; ls -R > /dev/null; sync .")
      let second = try await vault.mount(at: "second")
      try await vault.shell("echo 2 > d/f; rm gone; mkdir e; echo new > e/new", in: second)
      try await vault.unmount(at: "second")
      try await vault.restic(["forget", "--keep-last", "1", "--prune", "--max-unused", "0"])
      if refresh == "0s" {
        try await vault.shell("test -e gone; sync .")
      }
      try await vault.wait(for: "the newer snapshot") {
        try await vault.result("test", ["-e", vault.mountpoint.appending("e/new").string]).isSuccess
      }
      try await vault.shell("test \"$(cat d/f same)\" = $'2\\nsame'; test ! -e gone; echo mine > d/mine")
      #expect(try await !vault.sync().conflict)
      try await vault.expectKept()
    }
  }

  // R2 What is written then to a mount that had not seen the newest snapshot is merged as ever, only that what can't be
  // compared any more counts as changed by both.
  @Test("the base snapshot is pruned before the mount is written to: everything written is saved")
  func staleMount() async throws {
    try await MountedRepository.mounted(["--no-git-init", "--refresh", "0s"]) { vault in
      try await vault.shell(
        "mkdir d unseen; echo 1 > d/f; echo 1 > d/g; echo 1 > unseen/f; head -c 700000 /dev/urandom > gone; sync .")
      try await vault.remount(["--no-git-init", "--refresh", "0s"])
      try await vault.shell("ls . d > /dev/null")
      let second = try await vault.mount(at: "second")
      try await vault.shell("echo 2 > d/f; echo 2 > unseen/f; rm gone; mkdir e; echo new > e/new", in: second)
      try await vault.unmount(at: "second")
      try await vault.restic(["forget", "--keep-last", "1", "--prune", "--max-unused", "0"])
      try await vault.shell("echo mine > d/mine; echo root > root; mkdir own; echo own > own/f")
      #expect(try await !vault.sync().conflict)
      try await vault.shell(
        "test \"$(cat d/f d/g d/mine root own/f unseen/f e/new)\" = $'2\\n1\\nmine\\nroot\\nown\\n2\\nnew'; test ! -e gone"
      )
      try await vault.expectKept()
    }
  }

  @Test(
    "the base snapshot of a git repository is pruned before a push: every push survives", arguments: [false, true])
  func stalePush(dropsCaches: Bool) async throws {
    try await MountedRepository.mounted(["--refresh", "0s"]) { vault in
      try await vault.makeHistory(commits: 60)
      try await vault.shell("git push --quiet $M main topic; sync $M", in: vault.path("source.git"))
      try await vault.mount(at: "second")
      try await vault.shell(
        "git push --quiet $T/second feature/deep/x release/1.0:topic --force", in: vault.path("source.git"))
      try await vault.unmount(at: "second")
      try await vault.restic(["forget", "--keep-last", "1", "--prune", "--max-unused", "0"])
      if dropsCaches { try await vault.shell("echo 3 > /proc/sys/vm/drop_caches 2> /dev/null || true") }
      // A ref that was pruned can be read as long as the kernel has it in its cache. Else the push is refused, and the next
      // one goes through, since the mount has looked.
      try await vault.shell(
        """
        push() { git push --quiet $M release/1.0:first release/1.0:main --force; }
        push || { sync $M; push; }
        """, in: vault.path("source.git"))
      _ = try await vault.result(vault.program.string, ["sync", vault.mountpoint.string])
      try await vault.shell(
        """
        git fsck --strict --full; for ref in feature/deep/x release/1.0; do git cat-file -e $(git -C $T/source.git rev-parse $ref); done
        test $(git rev-parse first) = $(git -C $T/source.git rev-parse release/1.0); test $(git rev-parse topic) = $(git -C $T/source.git rev-parse release/1.0)
        test -n "$(git for-each-ref --points-at $(git -C $T/source.git rev-parse release/1.0))"
        """)
      try await vault.expectKept()
    }
  }

  // R5 Where somebody removes the lock by force and prunes, a commit stores anew what is in memory, and fails if something is
  // gone; it never saves a snapshot that lacks something.
  @Test(
    "restic unlock --remove-all and prune beside a mount with changes: data in memory is stored again, and lost data is reported as an error"
  )
  func forcedUnlock() async throws {
    try await MountedRepository.mounted(["--no-git-init", "--pack-size", "4"]) { vault in
      try await vault.shell(
        "echo base > base; sync .; echo small > small; head -c 30000000 /dev/urandom | tee $T/large > large")
      try await vault.wait(for: "packs without an index") { try vault.packs().count > 4 }
      try await vault.settle()
      let packs = try vault.packs()
      try await vault.shell("restic unlock --quiet --remove-all; restic prune --quiet", in: "/")
      // A pack that was being stored may have come since.
      #expect(try vault.packs().intersection(packs).count <= 4)
      // Its packs are gone, and it is not in memory any more.
      let result = try await vault.result(vault.program.string, ["sync", vault.mountpoint.string])
      #expect(result.status == .exited(1) && result.errorOutput.contains("is in no index file"), "\(result)")
      #expect(try await vault.snapshots().count == 1)
      try await vault.restic(["check", "--read-data", "--no-lock"])
      // The way out is to write it again, or to remove it.
      try await vault.shell("cp $T/large large; cmp $T/large large")
      #expect(try await vault.sync().changed)
      try await vault.shell("cmp $T/large large; test \"$(cat small base)\" = $'small\\nbase'")
      try await vault.expectKept()
    }
  }

  @Test("restic unlock --remove-all and prune beside a mount whose changes are all in memory: the next sync succeeds")
  func forcedUnlockOfFewChanges() async throws {
    try await MountedRepository.mounted { vault in
      try await vault.shell("echo base > base; sync .; echo small > small")
      try await vault.settle()
      try await vault.shell("restic unlock --quiet --remove-all; restic prune --quiet", in: "/")
      #expect(try await vault.sync().changed)
      #expect(try await vault.dump("/small") == "small")
    }
  }
}
