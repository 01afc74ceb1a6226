import Foundation
import Glibc
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

/// H1 to H3: a repository on an SSH server.
@Suite("A mount of a repository on an SSH server")
struct SFTPMountTests {
  private static func serve(_ vault: MountedRepository) async throws -> SSHServer {
    try await SSHServer(in: vault.path("ssh"))
  }

  /// Options for the repository of `vault` on `server`.
  private static func options(_ server: SSHServer, _ vault: MountedRepository, _ path: String = "repository")
    -> [String]
  {
    ["-r", server.location(vault.path(path)), "-o", "sftp.args=\(server.arguments)"]
  }

  @Test("init, mount, push, clone and umount work beside restic's reads, backups and checks")
  func wholeWay() async throws {
    try await MountedRepository.with(storage: .local) { vault in
      let server = try await Self.serve(vault)
      let options = Self.options(server, vault)
      // restic 0.14 has no sftp.args.
      let restic = ["-r", server.location(vault.repository), "-o", "sftp.command=\(server.command)"]
      let source = try await vault.makeHistory(commits: 60)
      try await vault.mount(options)
      try await vault.git(["push", "--quiet", "--mirror", vault.mountpoint.string], in: source)
      async let backup = vault.restic(restic + ["backup", "--host", "other", source.string])
      try await vault.gitfs(["sync", vault.mountpoint.string])
      _ = try await backup
      try await vault.git(["clone", "--quiet", vault.mountpoint.string, vault.path("copy").string], in: vault.folder)
      try await vault.unmount()
      try await vault.restic(restic + ["check", "--read-data", "--no-cache"])
      #expect(try await vault.gitfs(["snapshots"] + options).contains("other"))

      try await vault.gitfs(["init", "-q"] + Self.options(server, vault, "new/deep"))
      try await vault.gitfs(["init"] + Self.options(server, vault, "new/deep"), expecting: 1)
      try await vault.restic(
        ["-r", server.location(vault.path("new/deep")), "-o", "sftp.command=\(server.command)", "check", "--no-cache"])
      try await Self.expectNoSession(server, vault)
      try await server.stop()
    }
  }

  /// Waits until the test has no connection any more.
  private static func expectNoSession(_ server: SSHServer, _ vault: MountedRepository) async throws {
    try await vault.wait(for: "the end of all connections") { server.sessions().isEmpty }
  }

  @Test("clone, fetch and push work by URL, and leave nothing behind")
  func byURL() async throws {
    try await RemoteClient.with(storage: .local) { client in
      let vault = client.vault
      let server = try await Self.serve(vault)
      try await client.script(
        """
        U='restic::\(server.location(vault.repository))'
        O='sftp.args=\(server.arguments)'
        git init -q a; cd a; git remote add origin "$U"; git config remote.origin.resticOption "$O"
        for i in 1 2 3; do echo $i > f$i; git add .; git commit -q -m c$i; done
        git push -q -u origin main
        cd ..; git clone -q -c remote.origin.resticOption="$O" "$U" b
        is "$(git -C a rev-parse main)" "$(git -C b rev-parse main)"
        cd b; echo 4 > f4; git add .; git commit -q -m c4; git push -q
        cd ../a; git pull -q; is "$(cat f4)" 4
        no git ls-remote 'restic::sftp://bob:geheim@127.0.0.1/x' 2> ../said
        grep -q 'must not contain a password' ../said; no grep -q 'bob:geheim.*a password' ../said
        """)
      try await Self.expectNoSession(server, vault)
      try await server.stop()
    }
  }

  @Test("connections that are killed in the middle of a push cost time, and nothing else")
  func killed() async throws {
    try await MountedRepository.with(storage: .local) { vault in
      let server = try await Self.serve(vault)
      let options = Self.options(server, vault)
      let source = try await vault.makeHistory(commits: 60)
      try await vault.mount(options)
      let killer = Task {
        var count = 0
        while !Task.isCancelled, count < 5 {
          if let victim = server.sessions().last {
            kill(victim, SIGKILL)
            count += 1
          }
          try? await Task.sleep(for: .milliseconds(400))  // Any moment will do.
        }
      }
      try await vault.git(["push", "--quiet", "--mirror", vault.mountpoint.string], in: source)
      try await vault.unmount()
      killer.cancel()
      await killer.value
      try await vault.mount(options + ["--read-only"])
      #expect(try await vault.refs() == vault.refs(source))
      try await vault.git(["fsck", "--strict", "--full"])
      try await vault.unmount()
      try await Self.expectNoSession(server, vault)
      try await server.stop()
      try Self.removeUploadsThatWereCut(vault)
    }
  }

  /// The temporary file of an upload whose connection was killed stays behind. Listings do not show such a file.
  private static func removeUploadsThatWereCut(_ vault: MountedRepository) throws {
    for name in try vault.stored("locks") where name.contains("-restic-temp-") {
      try FileManager.default.removeItem(atPath: vault.repository.appending("locks").appending(name).string)
    }
  }

  @Test("a serving process that is killed leaves no ssh behind")
  func death() async throws {
    try await MountedRepository.with(storage: .local) { vault in
      let server = try await Self.serve(vault)
      try await vault.mount(Self.options(server, vault) + ["--read-only"])
      #expect(!server.sessions().isEmpty)
      let process = try await vault.status().pid
      kill(process, SIGKILL)
      try await Self.expectNoSession(server, vault)
      try await vault.wait(for: "the end of ssh") { vault.processes().isEmpty }
      vault.clear()
      try FileManager.default.removeItem(atPath: vault.stateHome.string)
      try await server.stop()
    }
  }

  @Test("two signals while a mount waits end the process at once, and no program for the storage stays behind")
  func signals() async throws {
    try await MountedRepository.with(storage: .local) { vault in
      let server = try await Self.serve(vault)
      let file = LockFile(time: .now(), exclusive: true, hostname: "elsewhere", username: "somebody", pid: 1)
      let repository = try await vault.opened()
      let lock = try await repository.store(file.encode(), as: BackendFile.lock)
      // It ends neither with its input nor when it is asked.
      try await vault.shell(
        """
        cat > stubborn <<'EOF'
        #!/bin/bash
        trap '' TERM INT HUP
        \(server.command)
        while :; do sleep 1; done
        EOF
        chmod 755 stubborn
        '\(vault.program)' mount --foreground -r \(server.location(vault.repository)) -o "sftp.command=$PWD/stubborn" $M 2> said &
        child=$!
        for round in $(seq 1200); do grep -q 'waiting since' said && break; sleep 0.05; done
        grep -q 'waiting since' said
        kill -TERM $child; kill -INT $child
        code=0; wait $child || code=$?; test $code = 130
        """, in: vault.folder)
      try await vault.wait(for: "the end of the program") {
        try await vault.shell("pgrep -f '\(vault.folder)/[s]tubborn' || :", in: "/").isEmpty
      }
      try await repository.backend.remove(.lock(lock))
      try await server.stop()
    }
  }

  @Test("an unreachable server and an unknown host key are reported within seconds")
  func unreachable() async throws {
    try await MountedRepository.with(storage: .local) { vault in
      let server = try await Self.serve(vault)
      var options = Self.options(server, vault)
      options[3] = "sftp.args=\(server.argumentsOfStranger)"
      let stranger = try await vault.result(
        vault.program.string, ["mount"] + options + [vault.mountpoint.string], timeout: .seconds(120))
      #expect(stranger.status == .exited(1))
      #expect(stranger.errorOutput.contains("Host key verification failed"), "\(stranger.errorOutput)")
      try await server.stop()
      let gone = try await vault.result(
        vault.program.string, ["mount"] + Self.options(server, vault) + [vault.mountpoint.string],
        timeout: .seconds(120)
      )
      #expect(gone.status == .exited(1))
      #expect(gone.errorOutput.contains("Connection refused"), "\(gone.errorOutput)")
    }
  }

  @Test("ssh asks at the terminal, and leaves it afterwards; Ctrl-C ends the program, too")
  func terminal() async throws {
    try await MountedRepository.with(storage: .local) { vault in
      let server = try await Self.serve(vault)
      try await server.encryptKey("open sesame")
      let options = Self.options(server, vault)
      let program = """
        import pty, time
        def talk(arguments, answers):
            process, master = pty.fork()
            if process == 0: os.execvp(arguments[0], arguments)
            said = b""
            while True:
                try: piece = os.read(master, 4096)
                except OSError: break
                if not piece: break
                said += piece
                if answers and answers[0][0].encode() in said:
                    os.write(master, answers.pop(0)[1].encode())
            return said.decode(), os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        program, mountpoint, options = sys.argv[1], sys.argv[2], sys.argv[3:]
        said, code = talk([program, "mount"] + options + [mountpoint], [("passphrase", "open sesame\\n")])
        assert code == 0, (said, code)
        said, code = talk([program, "snapshots"] + options, [("passphrase", "\\x03")])
        assert code in (130, -2), (said, code)
        """
      try await vault.python(program, [vault.program.string, vault.mountpoint.string] + options, in: vault.folder)
      try await vault.shell("echo hello > file")
      try await vault.unmount()
      #expect(try vault.stored("snapshots").count == 1)
      try await Self.expectNoSession(server, vault)
      try await server.stop()
    }
  }
}
