import Foundation
import ResticTestSupport
import SystemPackage
import Testing

/// U7, U8, U11, U12: what commands show of mounts.
@Suite("What commands show of a mount")
struct ShownTests {
  // U8 `status --watch` shows the status again and again; Ctrl-C ends it with 130.
  @Test("status --watch draws over itself on a terminal, and Ctrl-C ends it with 130")
  func watch() async throws {
    try await MountedRepository.mounted(storage: .local) { vault in
      let output = try await vault.python(
        """
        import pty, signal, select, time
        child, master = pty.fork()
        if child == 0: os.execv(sys.argv[1], [sys.argv[1], "status", "--watch", "0.2", sys.argv[2]])
        seen, end = b"", time.monotonic() + 120
        def until(text, count):
            global seen
            while seen.count(text) < count:
                assert time.monotonic() < end, seen
                if select.select([master], [], [], 1)[0]: seen += os.read(master, 65536)
        until(b"\\x1b[H", 3)
        open(sys.argv[2] + "/new", "w").write("x")
        until(b"not saved yet", 1)
        os.write(master, b"\\x03")
        while True:
            try:
                if not os.read(master, 65536): break
            except OSError: break
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(code)
        """, [vault.program.string, vault.mountpoint.string], in: vault.folder)
      #expect(output == "130")
    }
  }

  // U8 […] Without a terminal each look is appended; with --json a line each.
  @Test("status --watch --json appends one line per look, and ends with the mount")
  func appended() async throws {
    try await MountedRepository.mounted(storage: .local) { vault in
      try await vault.shell(
        """
        '\(vault.program)' status --json --watch 0.1 $M > lines 2> said & child=$!
        for round in $(seq 2400); do test "$(wc -l < lines)" -ge 3 && break; sleep 0.05; done
        test "$(wc -l < lines)" -ge 3
        head -3 lines | while read -r line; do python3 -c 'import json, sys; json.loads(sys.argv[1])["state"]' "$line"; done
        '\(vault.program)' umount -q $M
        code=0; wait $child || code=$?; test $code = 1; test -s said
        """, in: vault.folder)
    }
  }

  // U7 Commands print JSON if that is wanted.
  @Test("mount, unlock and version print JSON")
  func json() async throws {
    struct Mounted: Decodable {
      var message_type: String
      var mountpoint: String
      var pid: Int32
      var snapshot: String?
    }
    try await MountedRepository.with(storage: .local) { vault in
      let mounted: Mounted = try MountedRepository.decode(
        try await vault.gitfs(["mount", "--json", "--no-git-init", vault.mountpoint.string]))
      #expect(mounted.message_type == "mounted" && mounted.mountpoint == vault.mountpoint.string)
      #expect(try await vault.status().pid == mounted.pid)
      try await vault.unmount()
      #expect(try await vault.gitfs(["unlock", "--json"]) == #"{"message_type":"unlocked","removed":[]}"#)
      let version = try await vault.gitfs(["version", "--json"])
      #expect(version.contains(#""message_type":"version","version":""#))
      #expect(version.contains(#""libraries":["libfuse "#))
    }
  }

  // U11 `--log-format json`; U12 the journal.
  @Test("--log-format json writes one object per line, to a file and from a mount in the foreground")
  func logs() async throws {
    try await MountedRepository.with(storage: .local) { vault in
      try await vault.shell(
        """
        export J='import json, sys
        lines = [json.loads(line) for line in open(sys.argv[1])]
        assert lines and all({"time", "level", "message"} <= set(line) for line in lines), lines
        assert any("mounted" in line["message"] for line in lines), lines'
        P='\(vault.program)'
        $P mount -v --log-format json --log-file $T/json $M; $P umount -q $M; python3 -c "$J" $T/json
        $P mount -v --foreground --log-format=json $M 2> $T/said & child=$!
        for round in $(seq 2400); do mountpoint -q $M && break; sleep 0.05; done
        kill -TERM $child; wait $child; python3 -c "$J" $T/said
        """, in: vault.folder)
    }
  }

  // U12 Lines have a priority where standard error is the journal's, and only there.
  @Test("a mount in the foreground prints priorities if the journal reads its output, and only then")
  func journal() async throws {
    try await MountedRepository.with(storage: .local) { vault in
      try await vault.shell(
        """
        : > said; P='\(vault.program)'
        export JOURNAL_STREAM=$(stat -c %d:%i said)
        $P mount -v --foreground $M 2>> said & child=$!
        for round in $(seq 2400); do mountpoint -q $M && break; sleep 0.05; done
        kill -TERM $child; wait $child
        grep -q '^<6>mounted ' said; not grep -qv '^<[0-7]>' said
        not $P status $T/none 2> other; grep -q '^restic-gitfs: ' other
        """, in: vault.folder)
    }
  }
}
