import ResticTestSupport
import SystemPackage
import Testing

@Suite("Secrecy")
struct SecrecyTests {
  /// In the content and in names of what is written.
  private static let marker = "plaintext-5b1e77"

  @Test(
    "arguments, environment, logs, session files, state, cache and repository hold neither the password nor plaintext",
    arguments: ["variable", "file", "command"])
  func secrets(_ source: String) async throws {
    try await MountedRepository.with { vault in
      try await vault.shell("printf '%s\\n' \"$RESTIC_PASSWORD\" > secret; chmod 600 secret", in: vault.folder)
      let options =
        switch source {
        case "file": "--password-file \(vault.folder)/secret"
        case "command": "--password-command 'cat \(vault.folder)/secret'"
        default: ""
        }
      let unset = source == "variable" ? "" : "unset RESTIC_PASSWORD;"
      try await vault.shell(
        "\(unset) \(vault.program) mount -vvv --log-file \(vault.log) \(options) $M", in: vault.folder)
      let process = try await vault.status().pid
      try await vault.shell(
        """
        for i in 1 2 3; do echo \(Self.marker) > \(Self.marker)-$i; done; mkdir \(Self.marker); git -C $M for-each-ref
        head -c 100000 /dev/zero | tr '\\0' x > large; echo \(Self.marker) >> large; sync .; echo \(Self.marker) > dirty
        """)
      try await vault.shell(
        """
        for secret in "$RESTIC_PASSWORD" 7f3a91 \(Self.marker); do
          not grep -q -a -F -e "$secret" /proc/\(process)/cmdline /proc/\(process)/environ
          not grep -r -a -F -e "$secret" state repository cache
        done
        test -s cache/*/restic-gitfs-snapshots
        test "$(find cache -type d -not -perm 700)" = ""; test "$(find cache/?* -mindepth 1 -type f -not -perm 600 -not -name version)" = ""
        test "$(find state -type d -not -perm 700)" = ""; test "$(find state -type f -not -perm 600)" = ""
        grep -q 'Max core file size  *0  *0 ' /proc/\(process)/limits
        test "$(ls tmp)" = ""
        """, in: vault.folder)
      try await vault.unmount()
      try await vault.shell(
        "test -s \(vault.log); not grep -a -F -e \"$RESTIC_PASSWORD\" -e 7f3a91 -e \(Self.marker) \(vault.log)", in: "/"
      )
    }
  }

  @Test("the serving process keeps no descriptor, folder or terminal of its parent")
  func detached() async throws {
    try await MountedRepository.with { vault in
      let folder = try vault.makeFolder("caller")
      try await vault.shell(
        "exec 7> $T/inherited; mkdir inner; cd inner; \(vault.program) mount --no-git-init $M; cd ..; rmdir inner",
        in: folder)
      let process = try await vault.status().pid
      try await vault.shell(
        """
        test "$(readlink /proc/\(process)/cwd)" = /
        not grep -q -e inherited -e process- <(ls -l /proc/\(process)/fd); for i in 0 1 2; do test "$(readlink /proc/\(process)/fd/$i)" = /dev/null; done
        read -r _ _ _ _ _ session terminal _ < /proc/\(process)/stat; test "$session $terminal" = "\(process) 0"
        """, in: "/")
      try await vault.unmount()
    }
  }
}
