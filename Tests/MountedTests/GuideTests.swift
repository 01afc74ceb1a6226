import Foundation
import ResticTestSupport
import SystemPackage
import Testing

/// The commands of README.md and docs/guides work unchanged.
@Suite("The guides")
struct GuideTests {
  private static let needsLFS = ["lfs"]

  /// Whether git-lfs is there, which is no part of this project.
  private static let hasLFS = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
    FileManager.default.isExecutableFile(atPath: "\($0)/git-lfs")
  }

  @Test("every command of a guide works", arguments: Guide.names.filter { !needsLFS.contains($0) })
  func guide(_ name: String) async throws {
    try await Self.run(try Guide(path: "docs/guides/\(name).md").script)
  }

  @Test("every command of the guide for Git LFS works", .enabled(if: hasLFS, "git-lfs is not on PATH"))
  func largeFiles() async throws {
    try await Self.run(try Guide(path: "docs/guides/lfs.md").script)
  }

  @Test("the session in README.md can be replayed")
  func session() async throws {
    try await Self.run(try Guide(path: "README.md").session)
  }

  @Test("docs/guides/README.md names every guide, and each has commands")
  func table() throws {
    let index = try String(contentsOfFile: Guide.root.appending("docs/guides/README.md").string, encoding: .utf8)
    #expect(Guide.names.count > 5)
    for name in Guide.names {
      #expect(index.contains("[\(name).md](\(name).md)"))
      #expect(try !Guide(path: "docs/guides/\(name).md").script.isEmpty)
    }
  }

  // The code tells which check has failed: 98 is that of the locks.
  @Test(
    "a failing command, and a lock that is left behind, fail a guide",
    arguments: [
      ("false", 1), ("false | cat", 1), ("echo $NOBODY_HAS_SET_THIS", 1), ("git ls-remote restic::/srv/nothing", 128),
      ("restic init -q -r /srv/x; echo > /srv/x/locks/planted", 98),
    ])
  func failing(_ command: String, _ code: Int32) async throws {
    let guide = try Guide(path: "planted.md", text: "Text\n\n```sh\n\(command)\ntrue\n```\n")
    let error = await #expect(throws: WrongExit.self) { try await Self.run(guide.script) }
    #expect(error?.description.contains("ended with \(ProcessResult.Status.exited(code)):") == true)
  }

  @Test(
    "a block of an unknown kind, and an unclosed block, are errors",
    arguments: ["```bash\n```", "```sh\ntrue", "```\n```"])
  func malformed(_ text: String) {
    #expect(throws: Guide.Malformed.self) { try Guide(path: "planted.md", text: text) }
  }

  @Test("the script is the sh blocks and the test's own blocks, in order; of a session, the lines with a prompt")
  func parts() throws {
    let guide = try Guide(
      path: "p", text: "```sh\none\n```\n```console\n$ two\nanswer\n```\n<!-- test\nthree\n-->\n```ini\nfour\n```")
    #expect(guide.script == ": p:1\none\n: p:8\nthree\n")
    #expect(guide.session == "two\n")
  }

  // MARK: The world of a guide

  /// Runs commands in the world that docs/guides/README.md describes. Afterwards no mount, process or lock may be left, and
  /// `restic check` finds nothing wrong with any repository that was made.
  private static func run(_ commands: String) async throws {
    try await RemoteClient.with(storage: .local) { client in
      let vault = client.vault
      let home = try vault.makeFolder("home")
      let server = try await SSHServer(in: vault.path("ssh"), startingIn: try vault.makeFolder("nas"))
      let bucket = try await RcloneS3Server(folder: vault.path("served"))
      let command = try server.makeCommand(forHost: "nas")
      let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"

      var text = commands
      for (name, stand) in [
        ("s3:https://s3.example.com/", bucket.location("")), ("EXAMPLE-KEY-ID", RcloneS3Server.accessKeyID),
        ("EXAMPLE-SECRET", RcloneS3Server.secret), ("https://forge.example.com/", "\(home)/forge/"),
        ("/srv/", "\(home)/srv/"),
      ] { text = text.replacingOccurrences(of: name, with: stand) }
      let preamble = try Guide(path: "docs/guides/README.md").script
      try await client.script(
        [setting, preamble, "set -x", text, "set +x", soundness].joined(separator: "\n"),
        environment: [
          "PATH": "\(vault.program.removingLastComponent()):\(command):\(path)",
          // A guide itself chooses the repository, the password, and the protocols of submodules.
          "RESTIC_REPOSITORY": String?.none, "RESTIC_PASSWORD": String?.none, "GIT_ALLOW_PROTOCOL": String?.none,
        ])
      try await bucket.stop()
      try await server.stop()
    }
  }

  /// The project and the forge that a guide finds.
  private static let setting = """
    cd; mkdir srv forge forge/anna; git init -q project; cd project
    for i in 1 2 3; do echo $i >> notes; git add notes; git commit -q -m "Note $i"; done
    git tag v1.0; git branch next
    git clone -q --bare . ../forge/anna/project.git; git init -q --bare ../forge/anna/new.git
    git -C ../forge/anna/project.git update-ref refs/pull/1/head next
    cd
    """

  /// Looks at every repository that is there. A guide may have taken away the variable for its password.
  private static let soundness = """
    unset RESTIC_REPOSITORY
    find "$T/home/srv" "$T/nas" "$T/served" -type d -name snapshots | while read -r found; do
      made=${found%/snapshots}
      is "$(ls "$made/locks")" ""
      restic -r "$made" --password-file "$T/home/.config/restic/password" check --read-data --no-cache
    done
    """
}
