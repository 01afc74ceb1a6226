import Foundation
import Glibc
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

// P1 Whoever waits is told what for, and can stop waiting: the mount goes on, and loses nothing.
@Suite("Waiting, and giving up a wait")
struct WaitingTests {
  /// Starts the program with the arguments `$A`, waits until it says what it waits for, runs `$B`, and ends it.
  private static let interrupted = """
    "$P" $A 2> "$T/said" & child=$!
    tell() { cat "$T/said" >&2; kill -KILL $child; exit 1; }
    for round in $(seq 2400); do grep -q 'waiting since' "$T/said" && break; sleep 0.05; done
    grep -q "waiting since .*$W" "$T/said" || tell
    eval "$B"
    kill -$S $child
    for round in $(seq 2400); do kill -0 $child 2> /dev/null || break; sleep 0.05; done
    kill -0 $child 2> /dev/null && tell
    code=0; wait $child || code=$?
    test $code = 130 || { echo "exit code $code" >&2; tell; }
    """

  @Test(
    "sync, umount, mount and status name the holder of an exclusive lock, and Ctrl-C ends the wait with exit code 130",
    arguments: ["sync", "umount", "mount"], ["INT", "TERM"])
  func exclusiveLock(_ command: String, _ signal: String) async throws {
    try await MountedRepository.with { vault in
      let repository = try await vault.opened()
      let file = LockFile(time: .now(), exclusive: true, hostname: "elsewhere", username: "somebody", pid: 1)
      if command != "mount" { try await vault.mount(["--no-git-init"]) }
      if command != "mount" { try await vault.sync() }
      let lock = try await repository.store(file.encode(), as: BackendFile.lock)
      if command != "mount" { try await vault.shell("echo kept > file") }
      let look = command == "mount" ? ":" : "$P status $M | grep -q 'waiting .*by PID 1 on elsewhere by somebody'"
      try await vault.shell(
        "P='\(vault.program)'; A=\"\(command) $M\"; S=\(signal)\n"
          + "W='already locked exclusively by PID 1 on elsewhere'; B=\"\(look)\"\n" + Self.interrupted, in: "/")
      #expect(vault.isMounted() == (command != "mount"))
      try await repository.backend.remove(.lock(lock))
      guard command != "mount" else { return try await vault.waitForEnd() }
      try await vault.unmount()
      #expect(try await vault.dump("/file") == "kept")
    }
  }

  // U11 […] what a command waits for is an object, too.
  @Test("with --log-format json a mount says in an object what it waits for")
  func inJSON() async throws {
    try await MountedRepository.with(storage: .local) { vault in
      let repository = try await vault.opened()
      let file = LockFile(time: .now(), exclusive: true, hostname: "elsewhere", username: "somebody", pid: 1)
      let lock = try await repository.store(file.encode(), as: BackendFile.lock)
      try await vault.shell(
        "P='\(vault.program)'; A=\"mount --log-format json $M\"; S=INT; B=:\n"
          + "W='already locked exclusively by PID 1 on elsewhere'\n" + Self.interrupted + "\n"
          + #"python3 -c 'import json, sys; [json.loads(line)["level"] for line in open(sys.argv[1])]' "$T/said""#,
        in: "/")
      try await repository.backend.remove(.lock(lock))
      try await vault.waitForEnd()
    }
  }

  /// Runs restic's check, which stops once it has its exclusive lock: `$H`. It is let go when `$T/said` holds `$1`.
  private static let held = """
    let_go() { kill -KILL $checker; rm -f $V/locks/$H; }
    trap 'kill -KILL $checker 2> /dev/null || :' EXIT
    held() { H=$(cd $V/locks; ls | grep -x '[0-9a-f]\\{64\\}' || :); test "$H"; }
    gone() { ! kill -0 $checker 2> /dev/null; }
    stopped() { grep -qs '^State:.T' /proc/$checker/status; }
    while :; do
      restic check > /dev/null 2>&1 & checker=$!
      until held || gone; do :; done
      kill -STOP $checker 2> /dev/null || :
      until stopped || gone; do :; done
      stopped && held && break
      kill -CONT $checker 2> /dev/null || :; wait $checker || :
    done
    tell() { (for round in $(seq 2400); do grep -q "$1" $T/said && break; sleep 0.05; done; let_go) & }
    """

  // P1 […] `git push` print[s] a line that names the other client's lock, its holder and its age.
  @Test(
    "git push names the holder of the exclusive lock that it waits for, and goes on once the lock is gone",
    arguments: [true, false])
  func push(_ isFirst: Bool) async throws {
    try await RemoteClient.withHistory { client in
      let line = "waiting since .*locked exclusively by PID [0-9]* on "
      if !isFirst { try client.beforePush(in: "a", "mv $T/held $V/locks/$(cat $T/name)") }
      let said = try await client.script(
        """
        \(Self.held)
        cd a; git commit -q --allow-empty -m 6; : > $T/said
        if \(isFirst); then tell '\(line)'; else echo $H > $T/name; mv $V/locks/$H $T/held; tell 'remote: \(line)'; fi
        git push origin main 2> $T/said; cat $T/said; wait
        is "$(restic dump -q latest /refs/heads/main)" "$(git rev-parse main)"
        """)
      #expect(try said.contains(Regex((isFirst ? "" : "remote: ") + line)), "\(said)")
    }
  }

  // W4 One that cannot be shown is `EPERM`, and `status --json` says why: who gave up asking can ask again.
  @Test(
    "a reader that gave up on a safe configuration while the storage was unreachable can read it later, and nothing counts as refused"
  )
  func configuration() async throws {
    try await MountedRepository.mounted([]) { vault in
      try await vault.unmount()
      try await vault.mount(["--safe-config"])
      try await vault.shell("mkdir away; touch away/data; swap away/data repository/data", in: vault.folder)
      try await vault.shell(
        """
        env --default-signal cat $M/config > /dev/null 2>&1 & child=$!
        for round in $(seq 2400); do \(vault.program) status $M | grep -q 'waiting .*Not a dir' && break; sleep 0.05; done
        kill -TERM $child; code=0; wait $child || code=$?; test $code = 143
        swap away/data repository/data
        grep -q bare $M/config; not grep -q refused <(\(vault.program) status --json $M)
        """, in: vault.folder)
    }
  }

  @Test(
    "sync and status name the unreachable storage, and a reader that is killed dies",
    arguments: ["KILL", "INT", "TERM"])
  func storageAway(_ signal: String) async throws {
    try await MountedRepository.mounted { vault in
      try await vault.shell("mkdir sub; echo content > sub/file")
      try await vault.remount()
      // Requests for it get a retryable error.
      try await vault.shell("mkdir away; touch away/data away/locks", in: vault.folder)
      let exchange = "swap away/data repository/data; swap away/locks repository/locks"
      try await vault.shell(exchange, in: vault.folder)
      try await vault.shell(
        """
        env --default-signal ls sub > /dev/null 2> $T/said & child=$!
        for round in $(seq 2400); do
          \(vault.program) status $M | grep -q 'waiting .*repository.*Not a dir' && break; sleep 0.05
        done
        \(vault.program) status $M | grep -q 'waiting .*repository.*Not a dir'
        kill -\(signal) $child
        for round in $(seq 2400); do kill -0 $child 2> /dev/null || break; sleep 0.05; done
        not kill -0 $child 2> /dev/null
        P='\(vault.program)'; A="sync $M"; S=\(signal == "KILL" ? "INT" : signal); W='Not a dir'; B=:
        cd sub/.. && echo new > new
        """ + "\n" + Self.interrupted, in: vault.mountpoint)
      try await vault.shell(exchange, in: vault.folder)
      #expect(try await vault.shell("cat sub/file") == "content")
      try await vault.unmount()
      #expect(try await vault.dump("/new") == "new")
    }
  }
}
