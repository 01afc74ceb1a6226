import Glibc
import ResticTestSupport
import SystemPackage
import Testing

// S3 However a password is given, it is wiped where it arrives.
@Suite(
  "A password in memory", .timeLimit(.minutes(30)),
  .enabled(if: geteuid() == 0, "only root reads the memory of a process that keeps it to itself"))
struct PasswordMemoryTests {
  /// Looks for a part of the password, in UTF-8 and UTF-16, in everything that a process has mapped.
  private static let scan = """
    import re, sys
    words = "7f3a91 and nowhere"
    needles = [words.encode(), words.encode("utf-16-le"), words.encode("utf-16-be")]

    def scan(process):
        found, size = [], 0
        with open("/proc/%s/maps" % process) as maps, open("/proc/%s/mem" % process, "rb", 0) as memory:
            for line in maps:
                start, end = (int(word, 16) for word in line.split()[0].split("-"))
                try:
                    memory.seek(start)
                    content = b"".join(iter(lambda: memory.read(min(1 << 20, end - memory.tell())), b""))
                except (OSError, ValueError, OverflowError): continue  # guard pages
                size += len(content)
                found += [(line.strip(), content.index(needle), content[max(0, content.index(needle) - 60):][:160]) for needle in needles if needle in content]
        assert size > 1 << 20, "nothing to be seen of process %s" % process
        assert not found, found
    """

  /// The ways in which the password is given: what is set up in the test's folder, options, and standard input.
  private static let ways: [String: (setUp: String, options: String, input: String)] = [
    "variable": ("export RESTIC_PASSWORD=\"$P\"", "", "/dev/null"),
    "file": ("echo \"$P\" > secret", "--password-file secret", "/dev/null"),
    "file with a byte order mark": (
      "printf '\\xef\\xbb\\xbf%s\\n' \"$P\" > secret", "--password-file secret", "/dev/null"
    ),
    "file in UTF-16": (
      "{ printf '\\xff\\xfe'; echo \"$P\" | iconv -t UTF-16LE; } > secret", "--password-file secret", "/dev/null"
    ),
    "command": ("echo \"$P\" > secret", "--password-command 'cat secret'", "/dev/null"),
    "standard input": ("echo \"$P\" > secret", "", "secret"),
    "credential helper": (
      "echo \"password=$P\" > secret; git config --file config credential.helper \"!cat $T/secret #\"", "", "/dev/null"
    ),
  ]

  @Test("is wiped once the repository is open, wherever it came from", arguments: ways.keys.sorted())
  func serving(_ way: String) async throws {
    let (setUp, options, input) = try #require(Self.ways[way])
    try await MountedRepository.with { vault in
      try await vault.shell(
        """
        P=$RESTIC_PASSWORD; unset RESTIC_PASSWORD; export GIT_CONFIG_GLOBAL=$T/config
        \(setUp)
        \(vault.program) mount --no-git-init \(options) $M < \(input)
        """, in: vault.folder)
      let process = try await vault.status().pid
      try await vault.python("\(Self.scan)\nscan(\(process))", in: vault.folder)
      try await vault.shell("echo x > x; sync .")
      try await vault.python("\(Self.scan)\nscan(\(process))", in: vault.folder)
      try await vault.unmount()
    }
  }

  @Test("is wiped after it was typed")
  func typed() async throws {
    try await MountedRepository.with { vault in
      try await vault.python(
        """
        import pty
        child, terminal = pty.fork()
        if child == 0:
            password = os.environ.pop("RESTIC_PASSWORD")
            os.environ["GIT_CONFIG_GLOBAL"] = "/dev/null"
            os.execv(sys.argv[1], [sys.argv[1], "mount", "--no-git-init", sys.argv[2]])
        said = b""
        while True:
            try: piece = os.read(terminal, 4096)
            except OSError: break
            said += piece
            if b"enter password for repository " in said and said.endswith(b": "): os.write(terminal, os.environ["RESTIC_PASSWORD"].encode() + b"\\n")
        equal(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0, said)
        """, [vault.program.string, vault.mountpoint.string], in: vault.folder)
      try await vault.python("\(Self.scan)\nscan(\(try await vault.status().pid))", in: vault.folder)
      try await vault.unmount()
    }
  }

  @Test("is in neither the helper's memory nor the mount's while git works", arguments: ["variable", "askpass"])
  func helper(_ way: String) async throws {
    try await RemoteClient.withHistory { client in
      try await client.script(
        "cat > scan.py <<'PYTHON'\n\(Self.scan)\nfor process in sys.argv[1:]: scan(process)\nPYTHON")
      try client.beforePush(
        in: "a",
        """
        seen=
        for p in /proc/[0-9]*; do
          [[ "$(cat $p/comm 2> /dev/null)" =~ ^(git-remote-rest|restic-gitfs)$ ]] || continue
          grep -q -z "XDG_STATE_HOME=$XDG_STATE_HOME" $p/environ || continue
          seen+=" ${p##*/}"
        done
        test "$(wc -w <<< "$seen")" = 2
        /usr/bin/env python3 $T/scan.py $seen
        """)
      try await client.script(
        """
        \(way == "askpass" ? "printf '#!/bin/sh\\necho \"%s\"\\n' \"$RESTIC_PASSWORD\" > ask; chmod 755 ask; export GIT_ASKPASS=$T/ask; unset RESTIC_PASSWORD" : "")
        cd a; git commit -q --allow-empty -m 6; git push -q origin main
        """)
    }
  }
}
