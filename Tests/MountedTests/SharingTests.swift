import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@Suite("Sharing a repository with restic")
struct SharingTests {
  // R2 A mount with nothing to commit holds no lock: restic forget and prune run beside it, and what is in the newest
  // snapshot stays readable.
  @Test("restic forgets and prunes beside a clean mount, and everything in the newest snapshot stays readable")
  func prune() async throws {
    try await MountedRepository.mounted { vault in
      // Packs of which a part is needed only by snapshots that go: they are written anew.
      try await vault.shell(
        """
        mkdir d; for i in 1 2 3 4 5 6; do head -c 700000 /dev/urandom > d/$i; head -c 700000 /dev/urandom > gone$i; echo $i > small$i; done; sync .
        rm gone*; for i in 1 2 3; do head -c 700000 /dev/urandom > d/$i; echo new >> small$i; sync .; done
        """)
      let shown = try await vault.listing()
      let packs = try vault.packs()
      try await vault.remount()  // nothing is cached
      #expect(try vault.stored("locks").isEmpty)
      try await vault.shell("ls d > /dev/null")
      try await vault.restic(["forget", "--keep-last", "1", "--prune", "--max-unused", "0"])
      #expect(packs.subtracting(try vault.packs()).count > 1)
      try await vault.expect(vault.mountpoint, shows: shown, "after the prune")
      try await vault.shell("echo changed > small4; head -c 100 d/5 >> d/6")
      try await vault.expectKept()
      #expect(try await vault.snapshots().count == 2)
    }
  }

  // R2 With something to commit it holds restic's shared lock.
  @Test("while the mount has changes restic can back up, and cannot prune")
  func dirtyLock() async throws {
    try await MountedRepository.mounted { vault in
      try await vault.shell("echo 1 > file; sync .; echo 2 > file")
      try await vault.wait(for: "the lock") { try !vault.stored("locks").isEmpty }
      for arguments in [["forget", "--keep-last", "1", "--prune"], ["prune"], ["check"]] {
        let refused = try await vault.result("restic", arguments)
        // restic 0.17 and later have an exit code of their own for it.
        let isRefused = [.exited(1), .exited(11)].contains(refused.status)
        #expect(isRefused && refused.errorOutput.contains("locked"), "\(refused)")
      }
      try await vault.run("restic", ["backup", "--quiet", "--tag", "other", "."], in: vault.path("python"))
      try await vault.restic(["snapshots"])
      let lock = try await vault.restic(["list", "locks", "--no-lock"])
      #expect(try await vault.restic(["cat", "lock", lock, "--no-lock"]).contains(#""exclusive": false"#))
      // The backup is newer now, but of something else: it is neither merged nor in the way.
      let report = try await vault.unmount()
      #expect(!report.conflict && report.changed)
      #expect(try await vault.dump("/file") == "2")
      #expect(try vault.stored("locks").isEmpty)
      try await vault.restic(["forget", "--keep-last", "1", "--prune"])
    }
  }

  @Test("a commit waits for an exclusive lock, and succeeds afterwards")
  func waitsForLock() async throws {
    try await MountedRepository.mounted { vault in
      try await vault.shell("head -c 5000000 /dev/urandom > large; sync .")
      let check = try await StoppedCheck.start(on: vault)
      defer { check.resume() }
      try await vault.shell("echo more > file")
      async let synced: Void = { _ = try await vault.sync() }()
      try await vault.wait(for: "the sync to wait") {
        try await vault.gitfs(["status", "--json", vault.mountpoint.string]).contains("\"waiting\"")
      }
      check.resume()
      #expect(try await check.isSuccess())
      try await synced
      #expect(try await vault.dump("/file") == "more")
    }
  }

  @Test("with --no-lock a read-only mount does not wait for restic's exclusive lock, and leaves no trace")
  func noLock() async throws {
    try await MountedRepository.mounted { vault in
      try await vault.shell("echo 1 > file")
      try await vault.unmount()
      let lock = try await RepositoryLock.acquire(on: vault.opened(), exclusive: true)
      try await vault.mount(["--read-only", "--retry-lock", "0"], expecting: 11)
      try await vault.shell("chmod 500 locks", in: vault.repository)
      try await vault.mount(["--read-only", "--no-lock"])
      try await vault.shell("test $(cat file) = 1; sync .")
      try await vault.unmount()
      #expect(try await vault.gitfs(["snapshots", "--no-lock"]).contains("1 snapshot"))
      try await vault.shell("chmod 700 locks", in: vault.repository)
      try await lock.release()
      try await vault.expectFailure(
        ["mount", "--no-lock", vault.mountpoint.string], code: 1, saying: "--no-lock", "--read-only")
    }
  }

  // R1 restic check --read-data finds nothing wrong with a repository that was written by a mount (every test ends with
  // it); all that restic does works on it.
  @Test("restic lists, compares, mounts, copies and backs up a repository written by a mount", arguments: [1, 2])
  func resticOnOurs(_ version: Int) async throws {
    try await MountedRepository.mounted([], version: version) { vault in
      try await vault.makeHistory(commits: 60)
      try await vault.shell(
        "git push --quiet --mirror $M; ln $M/HEAD $M/link; ln -s HEAD $M/soft; mkfifo $M/fifo; setfattr -n user.x -v y $M/HEAD",
        in: vault.path("source.git"))
      let first = try await vault.sync()
      try await vault.shell(
        "echo new > new; rm link; truncate -s 3000000 hole; touch -d '2001-02-03 04:05:06.123456789' new")
      let shown = try await vault.listing()
      let second = try await vault.unmount()
      let difference = try await vault.restic(["diff", try #require(first.snapshot), try #require(second.snapshot)])
      #expect(
        difference.contains("+    /new") && difference.contains("-    /link") && difference.contains("+    /hole"))
      #expect(try await vault.restic(["ls", "latest"]).contains("/objects/pack"))
      #expect(try await vault.restic(["stats", "--json"]).contains("total_size"))
      #expect(try await vault.restic(["find", "--json", "HEAD"]).contains("/HEAD"))

      async let server = vault.result("restic", ["mount", "--no-lock", try vault.makeFolder("theirs").string])
      let latest = vault.path("theirs/snapshots/latest")
      try await vault.wait(for: "restic's mount") {
        try await vault.result("test", ["-e", latest.appending("HEAD").string]).isSuccess
      }
      try await vault.expect(latest, shows: shown, "in restic's mount")
      try await vault.shell("git --git-dir=$PWD -c safe.directory='*' fsck --strict", in: latest)
      try await vault.shell("fusermount3 -u $T/theirs", in: "/")
      _ = try await server

      let source = try await vault.restored()
      try await vault.run("restic", ["backup", "--quiet", "--tag", "again", "."], in: source)
      try await vault.restic(["tag", "--quiet", "--add", "x"])
      try await vault.restic(["rebuild-index", "--quiet"])
      try await vault.shell("restic forget --quiet --keep-last 1 --group-by '' --prune", in: "/")
      try await vault.mount()
      try await vault.expect(vault.mountpoint, shows: shown, "a backup of what was restored")
      try await vault.git(
        ["push", "--quiet", vault.mountpoint.string, "main~3:refs/heads/x/y/z"], in: vault.path("source.git"))
      try await vault.expectKept()
    }
  }

  @Test("compression off, auto and max take effect, and everything is read back", arguments: ["option", "variable"])
  func compression(_ how: String) async throws {
    var sizes: [String: Int] = [:]
    for mode in ["off", "auto", "max"] {
      sizes[mode] = try await Self.storedByteCount(mode, byOption: how == "option")
    }
    #expect(sizes["off", default: 0] > 2_600_000)
    #expect(sizes["auto", default: 0] < sizes["off", default: 0] * 3 / 4)
    #expect(sizes["max", default: 0] < sizes["auto", default: 0])
  }

  /// The size of a new repository that holds a text of some MB.
  private static func storedByteCount(_ mode: String, byOption: Bool) async throws -> Int {
    try await MountedRepository.with { vault in
      if byOption {
        try await vault.mount(["--no-git-init", "--compression", mode])
      } else {
        try await vault.shell("RESTIC_COMPRESSION=\(mode) \(vault.program) mount --no-git-init $M")
      }
      try await vault.python(
        "chance = random.Random(6); put('text', b''.join(b'%d %d\\n' % (i, chance.randrange(1 << 20)) for i in range(200_000)))"
      )
      try await vault.expectKept()
      try await vault.unmount()
      return Int(try await vault.shell("du -sb data | cut -f1", in: vault.repository)) ?? 0
    }
  }

  // R1, and F8, F9, F11 to F13: what restic stored is shown as restic restores it.
  @Test("a tree that restic backed up is shown unchanged, and can be changed", arguments: [1, 2], ["off", "max"])
  func theirs(_ version: Int, _ compression: String) async throws {
    try await MountedRepository.with(version: version) { vault in
      let source = try vault.makeFolder("source")
      try await vault.shell(
        """
        git init --quiet --bare deep/down/repo.git; head -c 12000000 /dev/urandom > large; cat large large > twice; : > empty; truncate -s 5000000 hole
        mkdir d; for i in $(seq 300); do echo $i > d/$i; done; ln d/1 d/link; ln -s nowhere soft; mkfifo fifo; touch $'odd\\xff\\n<&>\\\\'
        chmod 4711 d/2; setfattr -n user.x -v y d/3; touch -d '2001-02-03 04:05:06.123456789' d/4; chmod 1777 d
        """, in: source)
      try await vault.makeHistory(commits: 40)
      try await vault.shell("git push --quiet $T/source/deep/down/repo.git --mirror", in: vault.path("source.git"))
      let expected = try await vault.listing(source)
      try await vault.run("restic", ["backup", "--quiet", "--compression", compression, "."], in: source)
      try await vault.mount()
      try await vault.expect(vault.mountpoint, shows: expected)
      try await vault.shell(
        """
        git clone --quiet deep/down/repo.git $T/copy; git -C $T/copy push --quiet origin HEAD:refs/heads/new/branch
        echo more >> d/1; dd if=/dev/zero of=large bs=1 count=10 seek=6000000 conv=notrunc status=none
        """)
      try await vault.expectKept()
      try await vault.unmount()
    }
  }

  @Test("a backup by absolute path can be mounted, and a repository deep inside can be pushed to and cloned")
  func deepPath() async throws {
    try await MountedRepository.with { vault in
      let source = try await vault.makeHistory(commits: 40)
      try await vault.restic(["backup", "--quiet", "--tag", "git", source.string])
      try await vault.restic(["backup", "--quiet", vault.path("python").string])
      try await vault.mount(["--tag", "git"])
      let inside = vault.mountpoint.appending(String(source.string.dropFirst()))
      try await vault.shell(
        "git clone --quiet \(inside) $T/copy; git -C $T/copy push --quiet origin HEAD:refs/heads/a/b", in: "/")
      try await vault.unmount()
      let ours = try #require(try await vault.snapshots(["--tag", "git"]).last)
      #expect(ours.paths == [source.string])
      try await vault.git(
        ["fsck", "--strict"], in: try await vault.restored(ours.id).appending(String(source.string.dropFirst())))
    }
  }

  @Test(
    "a read-only mount shows its snapshot and refuses changes",
    arguments: [["--read-only"], ["--snapshot", "ID"], ["-o", "ro"]])
  func readOnly(_ options: [String]) async throws {
    try await MountedRepository.mounted { vault in
      try await vault.shell("echo old > file; mkdir d; mkfifo fifo")
      let id = try #require(try await vault.unmount().snapshot)
      if options.first == "--snapshot" {
        try await vault.mount()
        try await vault.shell("echo new > file")
        try await vault.unmount()
      }
      try await vault.mount(options.map { $0 == "ID" ? String(id.prefix(10)) : $0 })
      try await vault.python(
        """
        equal(get("file"), b"old\\n"); os.listdir("d")
        for call in [(put, "file", b"x"), (put, "new"), (os.mkdir, "new"), (os.unlink, "file"), (os.rmdir, "d"), (os.rename, "file", "x"),
                     (os.chmod, "file", 0), (os.utime, "file"), (os.link, "file", "x"), (os.symlink, "x", "y"), (os.truncate, "file", 0),
                     (os.setxattr, "file", "user.x", b""), (os.mkfifo, "x")]:
            fails("EROFS", *call)
        subprocess.run(["sync", "."], check=True)
        """)
      #expect(try await vault.shell("grep \" $M \" /proc/self/mountinfo | grep -c ' ro,'", in: "/") == "1")
      #expect(try vault.stored("locks").isEmpty)
      let count = try vault.stored("snapshots").count
      #expect(try await vault.unmount().changed == false)
      #expect(try vault.stored("snapshots").count == count)
    }
  }

  // R3 A blob that can't be read is EIO on the files that need it, with a line in the log that names blob and pack.
  // Everything else works.
  @Test("a damaged pack is EIO for its files, with a log line, and affects nothing else")
  func damagedPack() async throws {
    try await MountedRepository.with(checks: false) { vault in
      try await vault.mount(["--no-git-init"])
      try await vault.shell("echo good > good; sync .")
      let before = try vault.packs()
      try await vault.shell("head -c 100000 /dev/urandom > bad; sync .")
      try await vault.unmount()
      let blob = try #require(
        try await vault.rootTree().firstMatch(of: #/"name":"bad".*?"content":\["([0-9a-f]{64})/#)?.1)
      let pack = try #require(
        try vault.packs().subtracting(before).first { try vault.packByteCount($0) > 100_000 })
      try await vault.shell(
        "chmod u+w data/*/\(pack); printf '\\xff\\x00\\xff' | dd of=$(echo data/*/\(pack)) bs=1 seek=5000 conv=notrunc status=none",
        in: vault.repository)
      try await vault.mount()
      try await vault.python(
        "fails('EIO', get, 'bad'); equal(get('good'), b'good\\n'); equal(os.stat('bad').st_size, 100_000); fails('EIO', get, 'bad')"
      )
      try await vault.shell("echo new > new; mv bad moved; chmod 600 moved; cp good copy")
      try await vault.unmount()
      let log = try await vault.shell("cat \(vault.log)", in: "/")
      #expect(
        log.split(separator: "\n").contains { $0.contains(blob.prefix(8)) && $0.contains(pack.prefix(8)) }, "\(log)")
      #expect(try await vault.dump("/copy") == "good")
      // Writing the file anew is the way out.
      try await vault.mount()
      try await vault.shell("echo better > moved")
      try await vault.unmount()
      #expect(try await vault.dump("/moved") == "better")
    }
  }
}
