import ResticTestSupport
import SystemPackage
import Testing

// C3 A snapshot is the tree at one instant, what programs have written to files that are still open included.
@Suite("Data in files that stay open")
struct OpenFileTests {
  @Test(
    "is in the snapshot, whichever way a mount that goes on is committed",
    arguments: [
      "$P sync $M", "sync $M", "python3 -c 'import os; os.fsync(os.open(\"'$M'\", os.O_RDONLY))'", "kill -USR1 $D",
    ])
  func open(_ way: String) async throws {
    try await MountedRepository.mounted { vault in
      let process = try await vault.status().pid
      try await vault.python(
        """
        import mmap, subprocess
        put("mapped", bytes(10000)); put("append", b"begin ")
        written = open("written", "wb"); written.write(b"w" * 10000); written.flush()
        late = open("append", "ab"); late.write(b"end"); late.flush()
        os.makedirs("deep/er"); deep = os.open("deep/er/file", os.O_RDWR | os.O_CREAT); os.write(deep, b"deep")
        gone = open("gone", "wb"); gone.write(b"gone"); gone.flush(); os.unlink("gone")
        mapping = mmap.mmap(os.open("mapped", os.O_RDWR), 10000); mapping[5000:5004] = b"here"
        script = f"P='{sys.argv[1]}'; M='{os.getcwd()}'; D={sys.argv[2]}\\n" + sys.argv[3]
        subprocess.run(["/bin/bash", "-euc", script], check=True, cwd="/")
        import time; end = time.time() + 120
        while not os.listdir(os.environ["REPOSITORY_FOLDER"] + "/snapshots") and time.time() < end: time.sleep(0.02)
        # They are as they were to those who have them open.
        assert mapping[5000:5004] == b"here"; mapping[0:3] = b"new"; written.write(b"more"); written.flush()
        assert open("written", "rb").read() == b"w" * 10000 + b"more"
        """, [vault.program.string, "\(process)", way])
      try await vault.shell(
        """
        restic restore -q --no-lock --target $T/first $(ls $T/repository/snapshots | head -n 1 | cut -c1-8)
        cd $T/first; test "$(stat -c %s written)" = 10000; test "$(cat append)" = 'begin end'; test "$(cat deep/er/file)" = deep
        test ! -e gone; test "$(dd if=mapped bs=1 skip=5000 count=4 2> /dev/null)" = here; ! grep -q new mapped
        """, in: vault.folder)
      try await vault.unmount()
      try await vault.mount(["--no-git-init"])
      try await vault.shell("test \"$(tail -c 5 written)\" = wmore; test \"$(head -c 3 mapped)\" = new")
    }
  }

  // P7 Programs that fsync the mount's root make one snapshot in `--fsync-interval` at most.
  @Test("a database in the root makes one snapshot at once and one per interval; a person's sync always makes one")
  func database() async throws {
    try await MountedRepository.mounted(["--no-git-init", "--fsync-interval", "20s"]) { vault in
      let start = ContinuousClock.now
      try await vault.python(
        """
        import sqlite3
        database = sqlite3.connect("data.sqlite"); database.execute("create table t(a)")
        for number in range(50): database.execute("insert into t values (?)", (number,)); database.commit()
        """)
      let count = try await vault.snapshots().count
      let intervals = Int(start.duration(to: .now) / .seconds(20))
      #expect((1...3 + intervals).contains(count), "\(intervals) intervals have passed")
      try await vault.wait(for: "the commit of the rest") {
        try await vault.status().state == "clean"
      }
      for (text, way) in [("one", "sync $M"), ("two", "\(vault.program) sync $M"), ("three", "sync $M")] {
        try await vault.shell("echo \(text) > file; \(way)")
        #expect(try await vault.dump("/file") == text)
      }
    }
  }
}
