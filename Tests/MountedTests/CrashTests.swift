import Glibc
import ResticTestSupport
import SystemPackage
import Testing

@Suite("A process that crashes")
struct CrashTests {
  /// Crashes a program in every way, and expects: the program dies of that signal, readers of its outputs see the end at
  /// once, the outputs show no registers and no backtrace, and no process works on.
  private static let prelude = """
    SIGNALS = [signal.SIGILL, signal.SIGTRAP, signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGABRT, signal.SIGQUIT]

    def started(arguments, **named):
        return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **named)

    def crash(process, number, target=None):
        os.kill(target or process.pid, number)
        output, _ = process.communicate(timeout=120)
        equal(process.returncode, -number, output)
        for word in b"rax", b"x0 0x", b"egisters", b"acktrac", b"rashed", b"0x": equal(word in output.lower(), False, output)

    def wait_for(what, condition):
        end = time.time() + 120
        while not condition():
            assert time.time() < end, what
            time.sleep(0.01)  # the pause between two looks

    program, mountpoint = sys.argv[1], sys.argv[2]
    """

  // S1 A crash ends the process at once, by its signal.
  @Test("the serving process dies of the signal, and readers of its output see the end at once")
  func serving() async throws {
    try await MountedRepository.with { vault in
      try await vault.python(
        """
        \(Self.prelude)
        for number in SIGNALS:
            process = started([program, "mount", "--foreground", "--no-git-init", mountpoint])
            wait_for("the mount", lambda: os.path.ismount(mountpoint))
            crash(process, number)
            equal(subprocess.run([program, "umount", mountpoint], capture_output=True).returncode, 1)
        """, [vault.program.string, vault.mountpoint.string], in: vault.folder)
      // The one in the background, which was started with signals blocked.
      for number in [SIGSEGV, SIGABRT, SIGQUIT] {
        try await vault.mount(["--no-git-init"])
        kill(try await vault.status().pid, number)
        try await vault.waitForEnd()
        try await vault.gitfs(["umount", vault.mountpoint.string], expecting: 1)
      }
      // What the dead have left is taken away by the next mount.
      try await vault.mount(["--no-git-init"])
      try await vault.unmount()
    }
  }

  // S1 A crash ends the process at once, by its signal.
  @Test("the helper dies of the signal, and readers of its output see the end at once")
  func helper() async throws {
    try await MountedRepository.with { vault in
      try await vault.python(
        """
        \(Self.prelude)
        for number in SIGNALS:
            process = started([os.path.dirname(program) + "/git-remote-restic", "x", mountpoint], stdin=subprocess.PIPE)
            process.stdin.write(b"capabilities\\n")
            process.stdin.flush()
            equal(process.stdout.readline(), b"option\\n")
            crash(process, number)
        """, [vault.program.string, vault.repository.string], in: vault.folder)
    }
  }

  // S1 A crash ends the process at once, by its signal. G3 Nothing is left behind.
  @Test("a push whose mount or helper crashes ends, also for a program that reads its output through a pipe")
  func push() async throws {
    try await RemoteClient.withHistory { client in
      for (number, victim) in [
        (SIGSEGV, "restic-gitfs"), (SIGABRT, "restic-gitfs"), (SIGSEGV, "git-remote-rest"),
        (SIGQUIT, "git-remote-rest"),
      ] {
        // In a hook of the clone's: at that moment both processes are there.
        try client.beforePush(
          in: "a",
          """
          for p in /proc/[0-9]*; do
            [[ "$(cat $p/comm 2> /dev/null)" = \(victim) ]] && grep -q -z "XDG_STATE_HOME=$XDG_STATE_HOME" $p/environ || continue
            kill -\(number) ${p##*/}
          done
          """)
        let log = try await client.script(
          "cd a; git commit -q --allow-empty -m x; no git push origin main 2>&1 | cat; echo ended",
          timeout: .seconds(60))
        #expect(log.contains("ended"))
        try await client.vault.wait(for: "the end of all processes") { client.vault.processes().isEmpty }
      }
      // The locks of the dead are given up by the next command.
      try await client.script("cd a; git push -q origin main")
    }
  }

  // S2 Nothing of the process's memory gets into a core dump, and no other process of the user can read the memory.
  @Test(
    "a process leaves no core dump, and other processes of its user cannot read its memory or variables",
    .enabled(if: geteuid() == 0, "only root becomes somebody else"))
  func memory() async throws {
    try await MountedRepository.with { vault in
      try await vault.shell(
        "cp \(vault.program) $T/restic-gitfs; cp $(dirname \(vault.program))/git-remote-restic $T; chown -R 65534:65534 $T",
        in: "/")
      let script = """
        cd "$1"; export PATH="$1:$PATH" XDG_STATE_HOME="$1/state"; unset XDG_RUNTIME_DIR
        closed() {
          test "$(cat /proc/$1/coredump_filter)" = 00000000; grep -q 'Max core file size  *0  *0 ' /proc/$1/limits
          for file in mem environ maps auxv; do ! head -c 1 /proc/$1/$file 2> /dev/null || { echo $file; exit 9; }; done
          test "$(stat -c %u /proc/$1/mem)" = 0
        }
        restic-gitfs mount --no-git-init mnt; closed "$(getfattr -n user.restic.status --only-values mnt | grep -o '"pid":[0-9]*' | cut -d: -f2)"
        echo x > mnt/x; restic-gitfs sync mnt; restic-gitfs status mnt; restic-gitfs umount mnt
        mkfifo in out; git-remote-restic x restic::$1/repository < in > out & exec 3> in 4< out
        echo capabilities >&3; read -r line <&4; test "$line" = option; closed $!
        exec 3>&-; wait
        """
      try await vault.run(
        "unshare",
        [
          "--mount", "/bin/bash", "-euc",
          "mknod -m 666 fuse c 10 229; mount --bind fuse /dev/fuse; exec setpriv --reuid=65534 --regid=65534 --clear-groups -- \"$@\"",
          "sh", "/bin/bash", "-euc", script, "script", vault.folder.string,
        ], in: vault.folder)
      try await vault.waitForEnd()
    }
  }
}
