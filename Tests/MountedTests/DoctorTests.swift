import Foundation
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

/// U4 to U6: the doctor on real machines, healthy and sick.
@Suite("restic-gitfs doctor")
struct DoctorTests {
  private struct Report: Decodable {
    struct Check: Decodable {
      var name: String
      var verdict: String
      var message: String
      var advice: String?
    }
    var ok: Bool
    var checks: [Check]

    subscript(name: String) -> Check? { checks.first { $0.name == name } }
  }

  /// The doctor's report, in an environment that `change` changes.
  private static func examine(
    _ vault: MountedRepository, _ arguments: [String] = [], expecting code: Int32 = 0,
    _ change: (inout [String: String?]) -> Void = { _ in }
  ) async throws -> Report {
    var runner = vault.runner
    // Beside the program its helper is.
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    runner.environment["PATH"] = "\(vault.program.removingLastComponent()):\(path)"
    change(&runner.environment)
    let result = try await runner.run(vault.program.string, ["doctor", "--json"] + arguments)
    #expect(result.status == .exited(code), "\(result.output)\(result.errorOutput)")
    return try MountedRepository.decode(result.output)
  }

  // U4, D3 The doctor says what this machine has seen of the repository, and whether the storage shows it.
  @Test("names the newest snapshot that this machine has seen, and fails if the storage does not show it")
  func seen() async throws {
    try await MountedRepository.with(storage: .local) { vault in
      let name = "newest seen"
      #expect(try await Self.examine(vault)[name]?.message == "this machine had seen no snapshot before")
      try await vault.mount(["--no-git-init"])
      try await vault.shell("echo 1 > one; sync .; echo 2 > two")
      try await vault.unmount()
      let newest = try #require(try await vault.snapshots().last?.id.prefix(8))
      let shown = try #require(try await Self.examine(vault)[name])
      #expect(shown.verdict == "ok" && shown.message.contains("(snapshot \(newest))"), "\(shown.message)")
      try await vault.restic(["forget", String(newest)])
      let lost = try #require(try await Self.examine(vault, expecting: 1)[name])
      #expect(lost.verdict == "fail" && lost.message.contains("the storage shows an older state"), "\(lost.message)")
      #expect(lost.advice?.contains("--accept-rollback") == true)
    }
  }

  // U4 On a machine where mounts work nothing fails, and the exit code is 0.
  @Test("finds nothing wrong with a healthy machine and repository, and leaves nothing behind")
  func healthy() async throws {
    try await MountedRepository.with { vault in
      let report = try await Self.examine(vault)
      #expect(report.ok && !report.checks.contains { $0.verdict == "fail" })
      for name in ["storage", "password", "snapshots", "locks", "writing", "removing"] {
        #expect(report[name]?.verdict == "ok", "\(name): \(report[name]?.message ?? "not looked at")")
      }
      #expect(report["git"]?.message.contains("git version") == true)
      // A server tells its time in an answer; of a folder, and of an SSH server, the lock that is written tells it.
      #expect(report["clock"]?.verdict == "ok", "\(report["clock"]?.message ?? "")")
      if try TestStorage.chosen == .local {
        #expect(report["clock"]?.message.contains("agrees") == true)
      }
      #expect(try vault.stored("locks").isEmpty)
      // No cache, no session, no folder for one.
      #expect(!FileManager.default.fileExists(atPath: vault.stateHome.string))
      #expect(!FileManager.default.fileExists(atPath: vault.path("cache").string))
      let text = try await vault.gitfs(["doctor"])
      #expect(text.contains("ok       storage") && !text.contains("FAIL"))
      let local = try await Self.examine(vault) { $0["RESTIC_REPOSITORY"] = String?.none }
      #expect(local["storage"] == nil && local["git"] != nil)
    }
  }

  // U5 What keeps mounts from working fails, with what to do.
  @Test("names what is missing: git, a state folder, a repository, the right password")
  func sick() async throws {
    try await MountedRepository.with(storage: .local) { vault in
      let empty = try vault.makeFolder("empty").string
      let noGit = try await Self.examine(vault, expecting: 1) { $0["PATH"] = empty }
      #expect(noGit["git"]?.verdict == "fail" && noGit["git-remote-restic"]?.verdict == "warning" && !noGit.ok)
      try Data().write(to: URL(fileURLWithPath: vault.path("file").string))
      let noState = try await Self.examine(vault, expecting: 1) { $0["XDG_STATE_HOME"] = vault.path("file/x").string }
      #expect(
        noState["state folder"]?.verdict == "fail"
          && noState["state folder"]?.advice?.contains("XDG_STATE_HOME") == true)
      let nowhere = try await Self.examine(vault, ["-r", empty], expecting: 1)
      #expect(nowhere["storage"]?.advice?.contains("restic-gitfs init") == true && nowhere["password"] == nil)
      let wrong = try await Self.examine(vault, expecting: 1) { $0["RESTIC_PASSWORD"] = "wrong" }
      #expect(wrong["password"]?.verdict == "fail" && wrong["locks"] == nil)
      let config = vault.path("gitconfig").string
      try await vault.shell("git config --file \(config) credential.helper 'none --x'", in: vault.folder)
      let noHelper = try await Self.examine(vault) { $0["GIT_CONFIG_GLOBAL"] = config }
      #expect(noHelper["credential helper"]?.message.hasPrefix("git-credential-none is not installed") == true)
      try await vault.shell("git config --file \(config) --add credential.helper ''", in: vault.folder)
      let taken = try await Self.examine(vault) { $0["GIT_CONFIG_GLOBAL"] = config }
      #expect(taken["credential helper"]?.verdict == "ok")
      let typo = try await Self.examine(vault, ["valt"], expecting: 1)
      #expect(typo["storage"]?.message.contains("'valt'") == true)
    }
  }

  // U5 […] stale locks, and mounts whose process is gone.
  @Test("reports a stale lock and a dead mount, and removes neither")
  func leftovers() async throws {
    try await MountedRepository.with(storage: .local) { vault in
      let repository = try await vault.opened()
      let old = Timestamp.now().adding(nanoseconds: -2 * 3600 * 1_000_000_000)
      let file = LockFile(time: old, exclusive: false, hostname: "elsewhere", username: "somebody", pid: 1)
      let lock = try await repository.store(file.encode(), as: BackendFile.lock)
      let stale = try await Self.examine(vault)
      #expect(stale["locks"]?.verdict == "warning" && stale["locks"]?.message.contains("elsewhere") == true)
      #expect(try vault.stored("locks") == [lock.hex])
      try await repository.backend.remove(.lock(lock))

      try await vault.mount()
      try await vault.shell("kill -KILL \(vault.status().pid)", in: vault.folder)
      try await vault.waitForEnd()
      let dead = try await Self.examine(vault)
      #expect(dead["mounts"]?.verdict == "warning" && dead["mounts"]?.advice?.contains("umount") == true)
      #expect(vault.isMounted())
      try await vault.gitfs(["umount", vault.mountpoint.string], expecting: 1)
      let left = try await Self.examine(vault)
      #expect(left["sessions"]?.message.contains("without a last commit") == true)
      // The next mount clears it away.
      try await vault.mount()
      try await vault.unmount()
    }
  }

  // U5 […] an append-only storage; U6 nothing is changed there.
  @Test("says that a server is append-only", arguments: [true, false])
  func appendOnly(_ isAppendOnly: Bool) async throws {
    try await MountedRepository.with(storage: .local) { vault in
      let server = try await RcloneServer(
        folder: vault.repository, options: isAppendOnly ? ["--append-only"] : [])
      let report = try await Self.examine(vault, ["-r", "rest:\(server.url)"])
      #expect(
        report["removing"]?.message.hasPrefix("append-only") == isAppendOnly, "\(report["removing"]?.message ?? "")")
      #expect(report["writing"]?.verdict == "ok" && report["clock"]?.message.contains("agrees") == true)
      #expect(try vault.stored("locks").isEmpty)
      try await server.stop()
    }
  }

  // U5 […] a folder in which this user removes nothing.
  @Test(
    "says that nothing can be removed from a folder without write permission",
    .enabled(if: geteuid() == 0, "only root becomes somebody else"), arguments: [0o555, 0o755])
  func unwritable(_ mode: Int) async throws {
    try await MountedRepository.with(storage: .local) { vault in
      try await vault.shell(
        """
        cp \(vault.program) $T/program; chmod 755 $T; chown -R 65534:65534 $T/repository
        chmod \(String(mode, radix: 8)) $T/repository/snapshots
        """, in: "/")
      let result = try await vault.result(
        "setpriv",
        [
          "--reuid=65534", "--regid=65534", "--clear-groups", "--", vault.path("program").string, "doctor", "--json",
        ], in: "/")
      let report: Report = try MountedRepository.decode(result.output)
      let message = try #require(report["removing"]?.message, "\(result)")
      #expect(message.hasPrefix("append-only") == (mode == 0o555), "\(message)")
      #expect(report["writing"]?.verdict == "ok")
    }
  }

  // U6 Nothing is left behind: neither by a server's program that ends with its input, nor by another.
  @Test("kills a server's program that ignores the end of its input")
  func stubbornServer() async throws {
    try await MountedRepository.with(storage: .local) { vault in
      let file = vault.path("process").string
      let command = "/bin/sh -c 'echo $$ > \(file); \(SSHServer.sftpServer); while :; do sleep 1000; done'"
      let report = try await Self.examine(
        vault, ["-r", "sftp:127.0.0.1:\(vault.repository)", "-o", "sftp.command=\(command)"])
      #expect(report["storage"]?.verdict == "ok", "\(report["storage"]?.message ?? "")")
      let process = try #require(pid_t(String(contentsOfFile: file, encoding: .utf8).dropLast()))
      try await waitUntil { kill(process, 0) != 0 || ProcessTable.isZombie(process) }
      kill(process, SIGKILL)
    }
  }

  // U4 Each check has a time limit, and what it has started ends with it.
  @Test("kills programs that do not answer: git, its helper, and the password command")
  func silentPrograms() async throws {
    try await MountedRepository.with(storage: .local) { vault in
      try await vault.python(
        """
        import subprocess
        folder = sys.argv[2] + "/bin"
        os.mkdir(folder)
        for name in ("git", "git-remote-restic"):
            with open(f"{folder}/{name}", "w") as file: file.write("#!/bin/sh\\nexec sleep 4711\\n")
            os.chmod(f"{folder}/{name}", 0o755)
        environment = dict(os.environ, PATH=f"{folder}:{os.environ['PATH']}")
        environment.pop("RESTIC_PASSWORD", None)
        # What is left behind keeps standard error open, and the report would not end.
        result = subprocess.run(
            [sys.argv[1], "doctor", "--json", "--password-command", "sleep 4712"], env=environment,
            stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert result.returncode == 1 and "exit_error" in result.stderr, result
        assert "printed nothing in 30 s" in result.stdout and "does not tell its version" in result.stdout, result
        for process in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{process}/cmdline", "rb") as file: words = file.read().split(b"\\0")
            except OSError: continue
            assert b"4711" not in words and b"4712" not in words, words
        """, [vault.program.string, vault.folder.string], in: vault.folder)
    }
  }

  // U4 Each check has a time limit.
  @Test("ends although a server does not answer")
  func silence() async throws {
    try await MountedRepository.with(storage: .local) { vault in
      // The kernel accepts the connection, and no program ever answers.
      let output = try await vault.python(
        """
        import socket, subprocess
        s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(8)
        location = "rest:http://127.0.0.1:%d/" % s.getsockname()[1]
        result = subprocess.run([sys.argv[1], "doctor", "--json", "-r", location], capture_output=True, text=True)
        assert result.returncode == 1, result
        print(result.stdout)
        """, [vault.program.string], in: vault.folder)
      let report: Report = try MountedRepository.decode(output)
      #expect(report["storage"]?.verdict == "fail")
    }
  }
}
