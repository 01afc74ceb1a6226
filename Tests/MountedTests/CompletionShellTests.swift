import Foundation
import ResticTestSupport
import SystemPackage
import Testing

/// The completions of bash, zsh and fish themselves, with the scripts that the program writes.
@Suite("Completions in a shell")
struct CompletionShellTests {
  /// A mountpoint of which no shell may expand or split anything.
  private static let odd = "odd a:b$(touch planted)'\"\\"

  @Test("options, values, names, folders, mounts and snapshots", arguments: InteractiveShell.allCases)
  func completed(_ shell: InteractiveShell) async throws {
    try await MountedRepository.with(storage: .local) { vault in
      try await vault.shell(
        """
        umask 077; mkdir -p config/restic-gitfs folder-beside
        printf '[repositories.vault]\\nrepository = "%s"\\nmountpoint = "%s"\\n' '\(vault.location)' "$M" \
          >config/restic-gitfs/config.toml
        """, in: vault.folder)
      try await vault.mount()
      let snapshot = try #require(try await vault.unmount().snapshot).prefix(8)
      try await vault.mount()
      try await vault.mount(["--read-only"], at: Self.odd)
      let cases: [(line: String, last: String)] = [
        ("mo", "mount"), ("mount --read-o", "--read-only"), ("mount --compression fas", "fastest"),
        ("mount vau", "vault"), ("mount ./folder-b", "./folder-beside"), ("snapshots -r vau", "vault"),
        ("snapshots -r ./folder-b", "./folder-beside"), ("doctor vau", "vault"), ("mount --snapshot lat", "latest"),
        ("mount --snapshot \(snapshot.prefix(3))", "\(snapshot)"),
        ("mount vault --snapshot \(snapshot.prefix(3))", "\(snapshot)"), ("sync vau", "vault"),
        ("umount \(vault.mountpoint.string.dropLast(2))", vault.mountpoint.string), ("umount od", Self.odd),
        ("umount \(vault.folder)/od", "\(vault.folder)/\(Self.odd)"),
      ]
      let found = try await shell.completed(cases.map { "restic-gitfs \($0.line)" }, of: vault, in: vault.folder)
      #expect(found.count == cases.count)
      for (words, expected) in zip(found, cases) {
        // Some shells leave the slash of a folder on the line.
        let last = words.last.map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 }
        #expect(last == expected.last, "\(expected.line): \(words)")
      }
      #expect(!FileManager.default.fileExists(atPath: vault.path("planted").string))
      try await vault.unmount(at: Self.odd)
      try await vault.unmount()
    }
  }
}
