import Foundation
import Glibc
import ResticTestSupport
import SystemPackage
import Testing

/// N1: the main uses of this program, on each kind of storage. `scripts/test --storage NAME` runs all mounted tests on one.
@Suite("On each kind of storage", .timeLimit(.minutes(30)))
struct StorageTests {
  private static let remote = TestStorage.allCases.filter { $0 != .local }

  @Test("push, sync, clone and umount work beside restic's backup, and restic finds no error", arguments: remote)
  func wholeWay(_ storage: TestStorage) async throws {
    try await MountedRepository.with(storage: storage) { vault in
      let source = try await vault.makeHistory(commits: 60)
      try await vault.mount()
      try await vault.git(["push", "--quiet", "--mirror", vault.mountpoint.string], in: source)
      async let backup = vault.restic(["backup", "--host", "other", source.string])
      try await vault.sync()
      _ = try await backup
      try await vault.git(["clone", "--quiet", vault.mountpoint.string, vault.path("copy").string], in: vault.folder)
      try await vault.git(["push", "--quiet", vault.mountpoint.string, "main:refs/heads/last"], in: source)
      try await vault.unmount()
      #expect(try await vault.gitfs(["snapshots"]).contains("other"))
      try await vault.mount(["--read-only"])
      #expect(try await vault.refs().contains("refs/heads/last"))
      try await vault.git(["fsck", "--strict", "--full"])
      try await vault.unmount()
      try await vault.restic(["check", "--read-data"])
    }
  }

  @Test("two mounts write at the same time; both states are merged, and each mount shows them", arguments: remote)
  func twoMounts(_ storage: TestStorage) async throws {
    try await MountedRepository.with(storage: storage) { vault in
      try await vault.mount(["--no-git-init", "--refresh", "1s"], at: "mnt")
      try await vault.mount(["--no-git-init", "--refresh", "1s"], at: "second")
      try await vault.shell("echo one > a; mkdir d; echo x > d/one")
      try await vault.shell("echo two > b; mkdir e; echo y > e/two", in: vault.path("second"))
      async let first = vault.sync(at: "mnt")
      async let second = vault.sync(at: "second")
      let reports = try await [first, second]
      #expect(reports.allSatisfy { $0.changed && !$0.conflict })
      for name in ["mnt", "second"] {
        try await vault.wait(for: "the other's files in \(name)") {
          try await vault.result(
            "/bin/bash", ["-c", "test \"$(cat a b d/one e/two | tr '\\n' ' ')\" = 'one two x y '"], in: vault.path(name)
          ).isSuccess
        }
      }
      try await vault.unmount(at: "mnt")
      try await vault.unmount(at: "second")
    }
  }

  @Test("clone, fetch and push work by URL, and simultaneous pushes both survive", arguments: remote)
  func byURL(_ storage: TestStorage) async throws {
    try await RemoteClient.with(storage: storage) { client in
      try await client.script(
        """
        git init -q a; cd a; git remote add origin $U
        for i in 1 2 3; do echo $i > f$i; git add .; git commit -q -m c$i; done
        git push -q -u origin main; cd ..
        git clone -q $U b; is "$(git -C a rev-parse main)" "$(git -C b rev-parse main)"
        for name in a b; do
          cd $name; echo $name > $name; git add .; git commit -q -m $name; cd ..
        done
        git -C a push -q origin main:from-a & first=$!
        git -C b push -q origin main:from-b; wait $first
        git -C a fetch -q; git -C a merge -q origin/from-b; git -C a push -q
        git -C b pull -q; is "$(cat b/a b/b)" $'a\\nb'
        git ls-remote -q $U | grep -q refs/heads/from-a
        """)
    }
  }

  @Test("restic forgets and prunes beside a mount, and then the mount moves on and saves", arguments: remote)
  func prune(_ storage: TestStorage) async throws {
    try await MountedRepository.mounted(["--no-git-init", "--refresh", "0s"], storage: storage) { vault in
      try await vault.shell("echo 1 > f; head -c 700000 /dev/urandom > gone; sync .; rm gone; echo 2 > f; sync .")
      try await vault.restic(["forget", "--keep-last", "1", "--prune", "--max-unused", "0"])
      try await vault.shell("echo 3 > g; sync .; test \"$(cat f g)\" = $'2\\n3'")
      #expect(try vault.stored("snapshots").count == 2)
    }
  }

  @Test("a mount that is killed loses nothing that was synced, and the next mount shows it", arguments: remote)
  func killed(_ storage: TestStorage) async throws {
    try await MountedRepository.with(storage: storage) { vault in
      try await vault.mount(["--no-git-init"])
      try await vault.shell("echo saved > file; sync .; head -c 30000000 /dev/urandom > half")
      let process = try await vault.status().pid
      try await vault.shell("(timeout 60 sync . || :) > /dev/null 2>&1 &")
      kill(process, SIGKILL)
      try await vault.waitForEnd()
      try await vault.gitfs(["umount", vault.mountpoint.string], expecting: 1)
      try await vault.mount(["--no-git-init"])
      try await vault.shell("test \"$(cat file)\" = saved; echo more > file")
      try await vault.unmount()
      try await vault.restic(["unlock"])
    }
  }
}
