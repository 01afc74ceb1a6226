import Foundation
import ResticTestSupport
import SystemPackage
import Testing

/// N1, N2, N5, N7 and N10: a repository on a REST server.
@Suite("A mount of a repository on a REST server")
struct RESTMountTests {
  private static let secret = "geheim-7731"

  /// The repository of a test on a server that wants a user, and its location through `proxy` if there is one.
  private static func serve(_ vault: MountedRepository) async throws -> (server: RcloneServer, port: UInt16) {
    let server = try await RcloneServer(
      folder: vault.repository, options: ["--user", "bob", "--pass", secret])
    let port = try #require(URL(string: server.url)?.port)
    return (server, UInt16(port))
  }

  private static func location(_ port: UInt16, _ path: String = "") -> String {
    "rest:http://bob:\(secret)@127.0.0.1:\(port)/\(path)"
  }

  @Test("init, mount, push, clone and umount work beside restic's reads, backups and checks; no password is visible")
  func wholeWay() async throws {
    try await MountedRepository.with { vault in
      let (server, port) = try await Self.serve(vault)
      let location = Self.location(port)
      let source = try await vault.makeHistory(commits: 60)
      try await vault.mount(["-r", location])
      try await vault.git(["push", "--quiet", "--mirror", vault.mountpoint.string], in: source)
      async let backup = vault.restic(["-r", location, "backup", "--host", "other", source.string])
      try await vault.gitfs(["sync", vault.mountpoint.string])
      _ = try await backup
      try await vault.git(["clone", "--quiet", vault.mountpoint.string, vault.path("copy").string], in: vault.folder)
      try Self.expectNoSecret(vault)
      try await vault.unmount()
      try await vault.restic(["-r", location, "check", "--read-data", "--no-cache"])
      #expect(try await vault.gitfs(["snapshots", "-r", location]).contains("other"))

      let other = Self.location(port, "new/deep")
      try await vault.gitfs(["init", "-q", "-r", other])
      try await vault.gitfs(["init", "-r", other], expecting: 1)
      try await vault.restic(["-r", other, "check", "--no-cache"])
      try await server.stop()
      let log = (try? Data(contentsOf: URL(fileURLWithPath: vault.log.string))) ?? Data()
      #expect(log.range(of: Data(Self.secret.utf8)) == nil)
    }
  }

  /// N2, with the mount there.
  private static func expectNoSecret(_ vault: MountedRepository) throws {
    let secret = Data(secret.utf8)
    #expect(vault.processes().isEmpty == false)
    for process in vault.processes() {
      // The process may have ended.
      let words = FileHandle(forReadingAtPath: "/proc/\(process)/cmdline").flatMap { try? $0.readToEnd() }
      #expect(words?.range(of: secret) == nil)
    }
    let table = try FileHandle(forReadingAtPath: "/proc/self/mountinfo")?.readToEnd()
    let mounts = try #require(table)
    #expect(mounts.range(of: Data("bob:***@".utf8)) != nil && mounts.range(of: secret) == nil)
    for file in vault.stateFiles() {
      let content = try Data(contentsOf: URL(fileURLWithPath: vault.stateHome.appending(file).string))
      #expect(content.range(of: secret) == nil)
    }
  }

  @Test("simultaneous pushes of two clients both survive")
  func twoClients() async throws {
    try await MountedRepository.with { vault in
      let (server, port) = try await Self.serve(vault)
      let location = Self.location(port)
      try await vault.mount(["-r", location], at: "mnt")
      try await vault.mount(["-r", location], at: "mnt2")
      try await vault.shell("echo one > a.txt; mkdir d; echo x > d/one")
      try await vault.shell("echo two > b.txt; mkdir e; echo y > e/two", in: vault.path("mnt2"))
      async let first = vault.sync(at: "mnt")
      async let second = vault.sync(at: "mnt2")
      _ = try await (first, second)
      try await vault.unmount(at: "mnt")
      try await vault.unmount(at: "mnt2")
      try await vault.mount(["-r", location, "--read-only"])
      try await vault.shell("cat a.txt b.txt d/one e/two | tr '\\n' ' ' | grep -qx 'one two x y '")
      try await vault.unmount()
      try await server.stop()
    }
  }

  @Test("clone, fetch and push work by URL, with the user from the variables and with the password in the URL")
  func byURL() async throws {
    try await RemoteClient.with { client in
      let (server, port) = try await Self.serve(client.vault)
      try await client.script(
        """
        U='restic::\(Self.location(port))'
        git init -q a; cd a; git remote add origin "$U"
        for i in 1 2 3; do echo $i > f$i; git add .; git commit -q -m c$i; done
        git push -q -u origin main
        cd ..; git clone -q "$U" b
        is "$(git -C a rev-parse main)" "$(git -C b rev-parse main)"
        export RESTIC_REST_USERNAME=bob RESTIC_REST_PASSWORD='\(Self.secret)'
        git clone -q 'restic::rest:http://127.0.0.1:\(port)/' c
        cd c; echo 4 > f4; git add .; git commit -q -m c4; git push -q
        cd ../b; git pull -q; is "$(cat f4)" 4
        no git ls-remote 'restic::rest:http://bob:falsch@127.0.0.1:\(port)/' 2> ../said
        grep -q 'the user "bob" or the password is wrong' ../said; no grep -q falsch ../said
        """)
      try await server.stop()
    }
  }

  @Test("broken connections, lost answers and a busy server cost time, and nothing else")
  func faults() async throws {
    try await MountedRepository.with { vault in
      let (server, port) = try await Self.serve(vault)
      try await vault.expectKeptThroughFaults(upstream: port, busy: "503 Service Unavailable") { Self.location($0) }
      try await server.stop()
    }
  }

  @Test("an append-only server allows everything but removing")
  func appendOnly() async throws {
    try await MountedRepository.with { vault in
      let server = try await RcloneServer(folder: vault.repository, options: ["--append-only"])
      let location = "rest:\(server.url)"
      try await vault.mount(["-r", location])
      try await vault.shell("echo x > file")
      try await vault.sync()
      try await vault.shell("echo y > file")
      try await vault.unmount()
      #expect(try vault.stored("snapshots").count == 2)
      try await server.stop()
    }
  }

  @Test("an unreachable server is reported within seconds")
  func unreachable() async throws {
    try await MountedRepository.with { vault in
      let server = try FaultProxy()
      server.stop()
      let result = try await vault.result(
        vault.program.string, ["mount", "-r", "rest:http://127.0.0.1:\(server.port)/", vault.mountpoint.string],
        timeout: .seconds(120))
      #expect(result.status == .exited(1))
      #expect(result.errorOutput.contains("127.0.0.1:\(server.port)"))
    }
  }

  // N5 Of a server that is not there a person reads what fails, where, and what to do, and little else.
  @Test("a server that is not there is told in a few lines", arguments: ["snapshots", "mount"])
  func absent(command: String) async throws {
    try await MountedRepository.with(storage: .local) { vault in
      let words = [command, "-r", "rest:http://127.0.0.1:1/"] + (command == "mount" ? [vault.mountpoint.string] : [])
      let result = try await vault.result(vault.program.string, words)
      #expect(result.status == .exited(1))
      let lines = result.errorOutput.split(separator: "\n")
      #expect(lines.count <= 4 && lines.dropLast().allSatisfy { $0.contains("; trying again in ") }, "\(lines)")
      let last = try #require(lines.last)
      #expect(last.hasPrefix("restic-gitfs: the repository at rest:http://127.0.0.1:1/ cannot be reached: "))
      #expect(last.hasSuffix("; check the location and the network"), "\(last)")
    }
  }
}
