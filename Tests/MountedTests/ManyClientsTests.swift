import Foundation
import ResticTestSupport
import SystemPackage
import Testing

@Suite("Several mounts of one repository")
struct ManyClientsTests {
  // C7 If others saved snapshots meanwhile, a commit merges: nothing that either side did is lost. Files and directories are
  // merged entry by entry; in a git repository, at any depth, objects are united and refs are merged one by one.
  @Test("the second of two commits has the changes of both mounts, and both mounts show them after their next sync")
  func merge() async throws {
    try await MountedRepository.mounted([]) { vault in
      try await vault.makeHistory(commits: 60)
      try await vault.shell(
        "git push --quiet $M main; git init --quiet --bare $M/deep/er.git; git push --quiet $M/deep/er.git main",
        in: vault.path("source.git"))
      try await vault.shell("mkdir d; echo 1 > d/changed; echo 1 > d/removed; echo 1 > renamed; sync .")
      let second = try await vault.mount(at: "second")
      try await vault.shell(
        """
        git -C $T/source.git push --quiet $M topic; git -C $T/source.git push --quiet $M/deep/er.git main:refs/heads/first/x
        echo first > d/new; rm d/removed; git -C $M tag first main
        """)
      try await vault.shell(
        """
        git -C $T/source.git push --quiet $PWD feature/deep/x release/1.0; git -C $T/source.git push --quiet $PWD/deep/er.git main:refs/heads/second/x
        git gc --quiet; echo second > d/changed; mv renamed other; mkdir e; echo e > e/f
        """, in: second)
      #expect(try await !vault.sync().conflict)
      let report = try await vault.sync(at: "second")
      #expect(report.changed && !report.conflict)
      try await vault.sync()
      for mount in [vault.mountpoint, second] {
        // A file that was just closed may still have been in use.
        try await vault.wait(for: "the newer state") {
          let status = try await vault.status(at: mount.lastComponent?.string ?? "")
          return status.newer == nil && status.refreshing != true
        }
        try await vault.shell(
          """
          test "$(cat d/new d/changed other e/f)" = $'first\\nsecond\\n1\\ne'; test ! -e d/removed; test ! -e renamed
          for ref in main topic feature/deep/x release/1.0; do test $(git rev-parse $ref) = $(git -C $T/source.git rev-parse $ref); done
          git rev-parse --quiet --verify first > /dev/null; for ref in first/x second/x; do git -C deep/er.git rev-parse --quiet --verify $ref > /dev/null; done
          git fsck --strict --full; git -C deep/er.git fsck --strict --full
          """, in: mount)
      }
      let shown = try await vault.listing()
      try await vault.expect(second, shows: shown, "on the other mount")
      #expect(try await !vault.unmount(at: "second").changed)
      try await vault.expect(try await vault.restored(), shows: shown, "restored")
    }
  }

  // C7 `sync` and `umount` say so: of many conflicts the first ones, and how many more there are.
  @Test("more conflicts than fit into a status are saved and counted; sync, status and umount go on working")
  func manyConflicts() async throws {
    try await MountedRepository.mounted { vault in
      let write = "for i in $(seq 1500); do echo $W > a-file-with-a-name-of-some-length-$i; done"
      try await vault.mount(["--no-git-init"], at: "second")
      try await vault.shell("W=first; \(write)")
      try await vault.shell("W=second; \(write)", in: vault.path("second"))
      try await vault.sync()
      let synced = try await vault.result(vault.program.string, ["sync", vault.path("second").string])
      #expect(synced.status == .exited(3), "\(synced)")
      let told = try #require(synced.errorOutput.firstMatch(of: #/; and ([0-9]+) more/#)?.1)
      let named = synced.errorOutput.split(separator: "your version is kept as").count - 1
      #expect(named > 10 && Int(told) == 1500 - named)
      #expect(try await vault.status(at: "second").lastError == nil)
      #expect(try await vault.shell("ls | grep -c conflict-", in: vault.path("second")) == "1500")
      let log = try String(contentsOfFile: vault.log.string, encoding: .utf8)
      #expect(log.split(separator: "\n").count { $0.contains("conflict: a-file") } == 1500)
      try await vault.unmount(at: "second")
      try await vault.sync()
    }
  }

  // C7 What both sides changed differently is a conflict: theirs stays; ours is kept as refs/conflicts/HOST/TIME/NAME, or for
  // a file as NAME.conflict-HOST-TIME; sync and umount say so and exit with 3.
  @Test("a conflict loses nothing, and is reported", arguments: ["sync", "umount", "fusermount", "foreground"])
  func conflict(_ way: String) async throws {
    try await MountedRepository.mounted([]) { vault in
      try await vault.makeHistory(commits: 60)
      try await vault.shell("git push --quiet $M main; echo base > $M/file; sync $M", in: vault.path("source.git"))
      let second = try vault.makeFolder("second")
      async let server = vault.result(
        vault.program.string,
        ["mount", "--log-file", vault.log.string, second.string] + (way == "foreground" ? ["--foreground"] : []))
      try await vault.wait(for: "the second mount") { vault.isMounted(at: "second") }
      try await vault.shell(
        """
        git push --quiet $M topic:main --force; echo first > $M/file
        git push --quiet $T/second feature/deep/x:main --force; echo second > $T/second/file
        """, in: vault.path("source.git"))
      try await vault.sync()
      switch way {
      case "sync":
        let sync = try await vault.result(vault.program.string, ["sync", second.string])
        #expect(sync.status == .exited(3) && sync.errorOutput.contains("refs/conflicts/"), "\(sync)")
        try await vault.shell("echo later > later; sync .", in: second)
        try await vault.unmount(at: "second")
      case "umount":
        let report = try await vault.unmount(at: "second", expecting: 3)
        #expect(report.conflict && report.changed)
      default:
        try await vault.shell("fusermount3 -u $T/second", in: "/")
        if way == "foreground" { #expect(try await server.status == .exited(3)) }
      }
      // A new mount waits for a commit under way.
      try await vault.unmount()
      try await vault.mount()
      try await vault.shell(
        """
        test "$(cat file)" = first; test "$(cat file.conflict-*)" = second; git fsck --strict --full
        test $(git rev-parse main) = $(git -C $T/source.git rev-parse topic)
        kept=$(git for-each-ref --format='%(refname)' refs/conflicts); case $kept in refs/conflicts/*/*/heads/main) ;; *) false ;; esac
        test $(git rev-parse $kept) = $(git -C $T/source.git rev-parse feature/deep/x)
        test -n "$(git -C $M for-each-ref refs/conflicts)"; git clone --quiet $M $T/copy
        """)
      #expect(try await vault.snapshots(["--tag", "conflict"]).isEmpty)
    }
  }

  // C7 […] others saved snapshots: those of something else are none of this mount's business.
  @Test(
    "neither a backup of other paths nor restic tag changes anything for a mount", arguments: [[], ["--path", "/git"]])
  func unrelatedBackup(_ filter: [String]) async throws {
    try await MountedRepository.mounted(["--no-git-init", "--refresh", "1s"] + filter) { vault in
      try await vault.shell(
        "mkdir d; echo 1 > d/file; echo 1 > kept; sync .; restic tag --quiet --add later; cd $T/python; restic backup --quiet ."
      )
      try await vault.sync()
      // Time in which a refresh to the wrong snapshot could show itself.
      try await Task.sleep(for: .milliseconds(1500))
      try await vault.shell("test \"$(cat d/file kept)\" = $'1\\n1'; test ! -e prelude.py; echo 2 > d/file")
      let report = try await vault.unmount()
      #expect(report.changed && !report.conflict)
      #expect(try await vault.snapshots().count == 3)
      #expect(try await vault.snapshots(["--path", "/git"]).last?.tags == ["later"])
      #expect(try await vault.restic(["dump", "--path", "/git", "latest", "/d/file"]) == "2")
      #expect(try await vault.restic(["dump", "--path", "/git", "latest", "/kept"]) == "1")
    }
  }

  // C11 A mount without changes shows a newer matching snapshot within --refresh (30 s) and at every sync, without a
  // remount; files that are open keep their content.
  @Test(
    "a clean mount shows another mount's snapshot within --refresh or at a sync, and open files keep their content",
    arguments: ["time", "sync", "sync(1)"])
  func refresh(_ way: String) async throws {
    try await MountedRepository.mounted { vault in
      try await vault.shell("mkdir d; echo old > d/file; echo old > gone; echo same > same; sync .")
      let second = try await vault.mount(["--refresh", way == "time" ? "1s" : "0s"], at: "second")
      async let reader = vault.python(
        """
        files = [open("d/file"), open("gone")]; os.listdir("."); os.listdir("d"); get("same")
        put(sys.argv[1] + "/open"); deadline = time.monotonic() + 120
        while not os.path.exists("d/new"): assert time.monotonic() < deadline; time.sleep(0.02)
        equal([file.read() for file in files], ["old\\n", "old\\n"]); equal(get("d/file"), b"new\\n")
        """, [vault.folder.string], in: second)
      try await vault.wait(for: "the open files") {
        try await vault.result("test", ["-e", vault.path("open").string]).isSuccess
      }
      try await vault.shell("echo new > d/file; rm gone; echo 1 > d/new; mkdir e; echo 2 > e/f; ln -s x soft; sync .")
      switch way {
      case "sync": try await vault.sync(at: "second")
      case "sync(1)": try await vault.shell("sync .", in: second)
      default: break
      }
      _ = try await reader
      try await vault.expect(second, shows: try await vault.listing())
      #expect(try await vault.status(at: "second").snapshot == vault.status().snapshot)
      #expect(try await !vault.unmount(at: "second").changed)
      #expect(try await vault.snapshots().count == 2)
    }
  }

  // C11 Where it can't be shown, since something is changed or a file is open for writing, status names it.
  @Test("status names a newer snapshot that the mount does not show yet, in words, in JSON and as an attribute")
  func newer() async throws {
    try await MountedRepository.mounted(["--no-git-init", "--refresh", "1s"]) { vault in
      try await vault.shell("echo 1 > file; sync .")
      #expect(try await vault.status().newer == nil)
      let second = try await vault.mount(at: "second")
      async let writer = vault.python(
        """
        file = open("file", "r+"); put(sys.argv[1] + "/open"); deadline = time.monotonic() + 120
        while not os.path.exists(sys.argv[1] + "/seen"): assert time.monotonic() < deadline; time.sleep(0.02)
        """, [vault.folder.string])
      try await vault.wait(for: "the open file") {
        try await vault.result("test", ["-e", vault.path("open").string]).isSuccess
      }
      try await vault.shell("echo 2 > file", in: second)
      let saved = try #require(try await vault.sync(at: "second").snapshot)
      try await vault.wait(for: "the look") { try await vault.status().newer != nil }
      #expect(try await vault.status().newer?.snapshot == saved)
      #expect(try await vault.gitfs(["status", vault.mountpoint.string]).contains("snapshot \(saved.prefix(8)) of "))
      #expect(try await vault.shell("getfattr --only-values -n user.restic.status .").contains(#""newer":{"#))
      try await vault.shell("touch $T/seen", in: "/")
      _ = try await writer
      try await vault.wait(for: "the newer snapshot") { try await vault.shell("cat file") == "2" }
      #expect(try await vault.status().newer == nil)

      // With something changed nothing is shown before the next commit.
      try await vault.shell("echo mine > mine")
      try await vault.shell("echo 3 > file", in: second)
      let next = try #require(try await vault.sync(at: "second").snapshot)
      try await vault.wait(for: "the look") { try await vault.status().newer?.snapshot == next }
      try await vault.sync()
      try await vault.wait(for: "the merged state") { try await vault.shell("cat file mine") == "3\nmine" }
      #expect(try await vault.status().newer == nil)
      try await vault.unmount(at: "second")
    }
  }

  // C12 […] Of all clients of this program one at a time saves a snapshot; restic's own backups go on meanwhile.
  @Test("the snapshots of three mounts that write and commit at the same time follow one another, and have everything")
  func chain() async throws {
    try await MountedRepository.mounted(["--no-git-init", "--refresh", "0s"]) { vault in
      try await vault.shell("echo > start; sync .")
      for name in ["second", "third"] { try await vault.mount(["--refresh", "0s"], at: name) }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for name in ["mnt", "second", "third"] {
          group.addTask {
            try await vault.shell(
              "for i in 1 2 3 4 5; do echo $i > \(name)-$i; \(vault.program) sync --quiet .; done", in: vault.path(name)
            )
          }
        }
        group.addTask {
          try await vault.shell(
            "for i in 1 2 3; do restic backup --quiet --tag other .; done", in: vault.path("python"))
        }
        try await group.waitForAll()
      }
      for name in ["second", "third", "mnt"] { try await vault.unmount(at: name) }
      let ours = try await vault.snapshots(["--path", "/git"])
      #expect(zip(ours, ours.dropFirst()).allSatisfy { $1.parent == $0.id }, "\(ours.map { [$0.id, $0.parent ?? ""] })")
      let files = try await vault.restic(["ls", "--path", "/git", "latest"])
      for name in ["mnt", "second", "third"] { for i in 1...5 { #expect(files.contains("/\(name)-\(i)")) } }
      #expect(try await vault.snapshots(["--tag", "other"]).count == 3)
    }
  }

  // M1 --memory-limit (256 MiB) bounds what is written and not yet stored, packs on their way and cached blobs, whatever the
  // size of a push.
  @Test("a process with little memory accepts, stores and reads back much data, and stores it once")
  func memory() async throws {
    try await MountedRepository.mounted(["--no-git-init", "--memory-limit", "64M"]) { vault in
      try await vault.shell(
        "head -c 400000000 /dev/urandom | tee large | sha256sum > $T/sum; sync .; for i in 1 2 3; do head -c 20000000 /dev/urandom > $i; done; sync ."
      )
      try await vault.shell("echo 3 > /proc/sys/vm/drop_caches 2> /dev/null || true; sha256sum < large | diff - $T/sum")
      let process = try await vault.status().pid
      let peak = Int(try await vault.shell("grep VmHWM /proc/\(process)/status | tr -dc 0-9")) ?? .max
      #expect(peak < 220 * 1024, "\(peak) KiB resident at the most")
      let stored = Int(try await vault.shell("du -sb data | cut -f1", in: vault.repository)) ?? .max
      #expect(stored < 490_000_000, "\(stored) bytes for 460 MB")
    }
  }
}
