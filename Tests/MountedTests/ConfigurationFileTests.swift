import Foundation
import ResticTestSupport
import SystemPackage
import Testing

/// U1 to U3: repositories with names, for both programs.
@Suite("A configuration file")
struct ConfigurationFileTests {
  /// Writes the user's file, with a repository `vault` whose password a command prints.
  private static func write(_ vault: MountedRepository, _ more: String = "", mode: Int = 0o600) throws {
    let folder = try vault.makeFolder("config/restic-gitfs")
    let file = folder.appending("config.toml").string
    let text = """
      [repositories.vault]
      repository = "\(vault.location)"
      password-command = "echo '\(MountedRepository.password)'"
      mountpoint = "\(vault.mountpoint)"
      \(more)
      """
    try Data(text.utf8).write(to: URL(fileURLWithPath: file))
    for (path, mode) in [(folder.string, 0o700), (file, mode)] {
      try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }
  }

  /// The program without the variables that would name another repository, or give the password.
  private static func bare(_ vault: MountedRepository) -> String {
    "P() { env -u RESTIC_REPOSITORY -u RESTIC_PASSWORD '\(vault.program)' \"$@\"; }\n"
  }

  // U1 A name of the configuration file stands for the repository and all that belongs to it.
  @Test("mount, sync, status, snapshots and umount take a name; so do -r and RESTIC_REPOSITORY")
  func byName() async throws {
    try await MountedRepository.with(storage: .local) { vault in
      try Self.write(vault, "tag = \"git\"")
      try await vault.shell(
        Self.bare(vault) + """
          P mount vault
          echo kept > $M/file
          P sync vault | grep -q saved
          P status vault | grep -q "$M"
          P umount vault
          P snapshots -r vault | grep -q git
          P snapshots vault | grep -q git
          P log vault 2>&1 | grep -q HEAD; P log HEAD vault | grep -q HEAD
          P maintain vault; P unlock vault; ! P init vault
          P mount vault; env -u RESTIC_REPOSITORY '\(vault.program)' snapshots $M | grep -q git; P maintain vault; P umount vault
          RESTIC_REPOSITORY=vault env -u RESTIC_PASSWORD '\(vault.program)' snapshots | grep -q '^1 snapshot$'
          mkdir other; P mount vault other; test "$(cat other/file)" = kept; P umount other
          P mount -r vault; test "$(cat $M/file)" = kept; P umount $M
          """, in: vault.folder)
      // A path is never a name, and the file does not matter then.
      try await vault.shell("'\(vault.program)' snapshots -r ./repository | grep -q '^1 snapshot$'", in: vault.folder)
    }
  }

  // U1 A word that names neither a mount nor a repository is named in the error.
  @Test("a word that is neither a mount nor a name is an error that names the word, in every command")
  func unknownWord() async throws {
    try await MountedRepository.with(storage: .local) { vault in
      try Self.write(vault)
      let bare: [String: String?] = ["RESTIC_REPOSITORY": nil]
      for command in ["init", "mount", "sync", "umount", "status", "snapshots", "log", "maintain", "unlock"] {
        for word in ["nosuch", "/no/such"] {
          try await vault.expectRefusal([command, word], code: 1, saying: word, environment: bare)
        }
      }
      for command in ["init", "snapshots", "maintain", "unlock"] {
        try await vault.expectRefusal([command, "-r", "x", "vault"], code: 1, saying: "'vault'", environment: bare)
      }
      // With a repository, the last word of log is a ref.
      try await vault.expectRefusal(["log", "vault"], code: 1, saying: "has no snapshots")
    }
  }

  // U1 […] `restic::NAME`.
  @Test("restic::vault clones and pushes by name; the folder of that name is ./vault")
  func byURL() async throws {
    try await RemoteClient.with(storage: .local) { client in
      try Self.write(client.vault)
      try await client.script(
        """
        unset RESTIC_REPOSITORY RESTIC_PASSWORD
        git init -q a; cd a; echo 1 > f; git add f; git commit -q -m 1
        git push -q restic::vault main
        git clone -q restic::vault ../b
        is "$(git -C ../b rev-parse main)" "$(git rev-parse main)"
        mkdir vault; no git ls-remote restic::./vault
        """)
    }
  }

  // U2 An error names the file and the line; U3 a file that others may write is refused.
  @Test("both programs refuse an unknown key, a password, and a file that others may write")
  func refused() async throws {
    try await RemoteClient.with(storage: .local) { client in
      let vault = client.vault
      for (more, words) in [
        ("pasword-file = \"/x\"", "line 5: 'pasword-file'"),
        ("password = \"x\"", "line 5: this file must not contain a password"),
      ] {
        try Self.write(vault, more)
        let result = try await vault.result(vault.program.string, ["snapshots", "-r", "vault"])
        #expect(result.status == .exited(1) && result.errorOutput.contains(words), "\(result.errorOutput)")
        try await client.script("git ls-remote restic::vault 2> said && exit 1; grep -q \"\(words)\" said")
        // A command with a location does not need the file.
        try await vault.gitfs(["snapshots", "-r", vault.location])
      }
      try Self.write(vault, mode: 0o622)
      let result = try await vault.result(vault.program.string, ["mount", "vault", vault.mountpoint.string])
      #expect(result.status == .exited(1) && result.errorOutput.contains("can be written by others"))
      try await client.script("git ls-remote restic::vault 2> said && exit 1; grep -q 'written by others' said")
    }
  }
}
