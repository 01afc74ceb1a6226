import Foundation
import Glibc
import ResticTestSupport
import SystemPackage
import Testing

@Suite("Unmounting a mount that others use, or that cannot be saved")
struct GivingUpTests {
  /// In a new mount namespace: lets go of the mounts of other tests, of which the namespace has copies, too.
  private static let letOthersGo =
    #"grep fuse.restic-gitfs /proc/self/mountinfo | cut -d " " -f 5 | grep -vx "$M" | xargs -r umount -l"#

  // P3 `umount` ends once all is saved, whoever else has the mount, and names them.
  @Test(
    "umount ends although another mount namespace has the mount, and names the process; a new mount does not wait",
    .enabled(if: geteuid() == 0, "mounting needs root"))
  func otherNamespace() async throws {
    try await MountedRepository.mounted { vault in
      try await vault.shell(
        """
        echo 1 > $M/file; P='\(vault.program)'
        export M T; cd /; unshare -m bash -c '\(Self.letOthersGo); echo > $T/holding; while test -e $T/holding; do sleep 0.05; done' &
        holder=$!
        trap 'rm -f $T/holding; wait' EXIT
        for round in $(seq 2400); do test -e $T/holding && break; sleep 0.05; done
        $P umount $M > $T/said 2> $T/warned || { cat $T/warned >&2; exit 1; }
        grep -q 'snapshot .* saved' $T/said
        grep -q "process [0-9]* (.*) has it in another mount namespace" $T/warned
        $P status > $T/status; grep -A 1 "^$M" $T/status > $T/own; grep -q 'process [0-9]* (.*) has it' $T/own
        $P status --json > $T/status; grep -q '"state":"held"' $T/status
        # What is written there is saved before a new mount begins, and at the end.
        echo 2 > /proc/$holder/root$M/file
        $P mount --no-git-init --quiet $M; test $(cat $M/file) = 2; $P umount --quiet $M
        echo 3 > /proc/$holder/root$M/file
        """, in: "/")
      try await vault.waitForEnd()
      #expect(try await vault.dump("/file") == "3")
    }
  }

  // P3 So does a service manager that stops the mount.
  @Test(
    "SIGTERM saves all changes while another mount namespace has the mount",
    .enabled(if: geteuid() == 0, "mounting needs root"))
  func otherNamespaceAtTermination() async throws {
    try await MountedRepository.mounted { vault in
      let process = try await vault.status().pid
      try await vault.shell(
        """
        echo 1 > $M/file
        export M T; cd /; unshare -m bash -c '\(Self.letOthersGo); echo > $T/holding; while test -e $T/holding; do sleep 0.05; done' &
        holder=$!
        trap 'rm -f $T/holding; wait' EXIT
        for round in $(seq 600); do test -e $T/holding && break; sleep 0.05; done
        kill -TERM \(process)
        for round in $(seq 600); do test -n "$(ls $T/repository/snapshots)" && break; sleep 0.05; done
        test "$(restic dump -q --no-lock latest /file)" = 1; kill -0 \(process)
        """, in: "/")
      try await vault.waitForEnd()
      #expect(try await vault.dump("/file") == "1")
    }
  }

  // P4 `umount --discard` gives a mount up without the repository and without waiting.
  @Test(
    "umount --discard gives up a mount whose repository is gone, and reports what is lost",
    arguments: ["living", "stopped", "waiting"])
  func discard(_ state: String) async throws {
    try await MountedRepository.mounted { vault in
      try await vault.shell("mkdir sub; echo kept > sub/file; sync .; echo lost > lost")
      let process = try await vault.status().pid
      let mountpoint = vault.mountpoint.string
      let refused = try await vault.result(vault.program.string, ["umount", "--discard", mountpoint])
      #expect(refused.status == .exited(1) && refused.errorOutput.contains("are lost: 1 file with 5 B"), "\(refused)")
      #expect(refused.errorOutput.contains("--force") && vault.isMounted())
      let unasked = try await vault.result(vault.program.string, ["umount", "--force", mountpoint])
      #expect(unasked.status == .exited(1) && vault.isMounted(), "\(unasked)")
      try await vault.settle()
      if state != "living" { try await vault.shell("mv repository gone", in: vault.folder) }
      if state == "stopped" { kill(process, SIGSTOP) }
      if state == "waiting" {
        // Calls that fail for now are made again and again.
        try await vault.shell("mkdir repository; touch repository/locks repository/config", in: vault.folder)
        try await vault.shell("(timeout 60 sync . || :) > /dev/null 2>&1 &")
      }
      let given = try await vault.result(vault.program.string, ["umount", "--discard", "--force", mountpoint])
      #expect(given.isSuccess && given.output.contains("given up"), "\(given)")
      #expect(!vault.isMounted())
      try await vault.waitForEnd()
      if state == "waiting" { try await vault.shell("rm -r repository", in: vault.folder) }
      if state != "living" { try await vault.shell("mv gone repository", in: vault.folder) }
      if state == "living" { #expect(try vault.stored("locks").isEmpty, "the process has given them back") }
      // A mount removes the leftovers of a process.
      try await vault.mount(["--no-git-init"])
      try await vault.shell("test ! -e lost; test $(cat sub/file) = kept")
    }
  }

  // P4 It says what is lost and asks; where nobody can be asked it needs `--force`.
  @Test(
    "at a terminal umount --discard gives up a mount after a yes, and keeps it after any other answer",
    arguments: ["n", "", "y"])
  func question(_ answer: String) async throws {
    try await MountedRepository.mounted { vault in
      try await vault.shell("echo kept > file; sync .; echo lost > lost")
      let typing = """
        import pty
        child, terminal = pty.fork()
        if child == 0: os.execv(sys.argv[1], sys.argv[1:4] + sys.argv[5:])
        said = b''
        while True:
            try: piece = os.read(terminal, 4096)
            except OSError: break
            if not piece: break
            said += piece
            if b'[y/N] ' in said and b'[y/N] ' not in said[:-len(piece)]: os.write(terminal, sys.argv[4].encode() + b'\\n')
        print(said.decode())
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        """
      let said = try await vault.python(
        typing, [vault.program.string, "umount", "--discard", answer, vault.mountpoint.string], in: "/",
        expecting: answer == "y" ? 0 : 1)
      #expect(said.contains("are lost: 1 file with 5 B") && said.contains("Give it up? [y/N] "), "\(said)")
      #expect(said.contains(answer == "y" ? "given up: " : "stays as it is"), "\(said)")
      #expect(vault.isMounted() == (answer != "y"))
      guard answer == "y" else { return #expect(try await vault.shell("cat file lost") == "kept\nlost") }
      try await vault.waitForEnd()
      try await vault.mount(["--no-git-init"])
      try await vault.shell("test $(cat file) = kept; test ! -e lost")
    }
  }

  // P4 It says what is lost and asks.
  @Test("umount --discard asks if all changes are saved but a file is open for writing")
  func openFile() async throws {
    try await MountedRepository.mounted { vault in
      try await vault.shell(
        """
        P='\(vault.program)'; echo kept > $M/file; sync $M; $P sync -q $M
        # Closing the file, or a copy of the descriptor, hands the bytes to the mount.
        python3 -c '
        import os, signal, sys
        file = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND)
        os.write(file, bytes(10000))
        open(sys.argv[2], "w").close()
        signal.pause()' $M/file $T/written & writer=$!
        trap 'kill $writer; wait' EXIT
        for round in $(seq 2400); do test -e $T/written && break; sleep 0.05; done
        not $P umount --discard $M 2> $T/said; grep -q 'written to 1 open file.* may be lost' $T/said || { cat $T/said >&2; exit 1; }
        $P umount --discard --force $M > $T/said; grep -q 'given up: .*1 open file' $T/said
        """, in: "/")
      #expect(!vault.isMounted())
      try await vault.waitForEnd()
      #expect(try await vault.dump("/file") == "kept")
    }
  }

  // P5 One place holds one mount.
  @Test("of two mounts that begin at the same mountpoint at once, one is refused")
  func twoAtOnce() async throws {
    try await MountedRepository.with { vault in
      try await vault.shell(
        """
        P='\(vault.program)'
        for round in 1 2 3 4 5 6; do
          codes=
          $P mount --no-git-init -q $M 2> $T/one & one=$!
          $P mount --no-git-init -q $M 2> $T/two & two=$!
          wait $one || codes="$codes one"; wait $two || codes="$codes two"
          test "$codes" = ' one' || test "$codes" = ' two' || { echo "refused: $codes" >&2; exit 1; }
          grep -q 'a restic-gitfs mount already' $T/one $T/two
          test $(grep -c " $M " /proc/self/mountinfo) = 1
          $P umount -q $M
          test $(grep -c " $M " /proc/self/mountinfo) = 0
        done
        """, in: "/")
    }
  }

  // P6 A mount in the foreground ends by no signal that would lose what was written.
  @Test("signals without a meaning for a mount have no effect")
  func signals() async throws {
    try await MountedRepository.with { vault in
      async let server = vault.result(
        vault.program.string,
        ["mount", "--foreground", "-v", "--no-git-init", "--log-file", vault.log.string, vault.mountpoint.string])
      try await vault.wait(for: "the mount") { vault.isMounted() }
      try await vault.shell("echo kept > file")
      let process = try await vault.status().pid
      let signals = [SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGXFSZ, SIGHUP, SIGPIPE, 40]
      for signal in signals { #expect(kill(process, signal) == 0) }
      try await vault.wait(for: "the lines in the log") {
        let text = try String(contentsOfFile: vault.log.string, encoding: .utf8)
        return text.components(separatedBy: "is ignored").count - 1 == signals.count - 2
      }
      #expect(try await vault.shell("cat file") == "kept")
      kill(process, SIGTERM)
      #expect(try await server.status == .exited(0))
      #expect(try await vault.dump("/file") == "kept")
    }
  }
}
