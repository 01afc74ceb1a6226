import Foundation
import ResticTestSupport
import SystemPackage
import Testing

@Suite("The log of ref moves")
struct LogTests {
  // C18 `restic-gitfs log` tells who moved which ref from what to what, when, and in which snapshot.
  @Test("the log shows created, moved, forced and deleted branches and tags, newest first; packing refs adds nothing")
  func moves() async throws {
    try await RemoteClient.withHistory { client in
      let vault = client.vault
      let script = try await client.script(
        """
        cd a; git rev-parse main main~1
        git tag v1; git push -q origin v1; git push -q origin main:side
        git reset -q --hard main~1; git push -q -f; git push -q origin :side
        """)
      let ids = script.split(separator: "\n").map(String.init)
      let lines = try await vault.log()
      let found = lines.map { [$0.kind, $0.ref, $0.old ?? "", $0.new ?? ""] }
      #expect(
        found.prefix(4) == [
          ["deleted", "refs/heads/side", ids[0], ""], ["moved", "refs/heads/main", ids[0], ids[1]],
          ["created", "refs/heads/side", "", ids[0]], ["created", "refs/tags/v1", "", ids[0]],
        ])
      let snapshots = try await vault.snapshots()
      #expect(lines.prefix(4).map(\.forced) == [nil, true, nil, nil])
      #expect(lines.first?.snapshot == snapshots.last?.id && lines.first?.hostname == snapshots.last?.hostname)
      #expect(Set(lines.map(\.snapshot)).isSubset(of: snapshots.map(\.id)))
      #expect(try await vault.log(["main"]).map(\.kind) == ["moved", "created"])
      #expect(try await vault.log(["-n", "1"]).count == 1)

      // On a mount, and after git has packed the refs.
      try await vault.mount()
      try await vault.shell("git pack-refs --all; sync .")
      let text = try await vault.gitfs(["log", "v1", vault.mountpoint.string])
      #expect(text.hasSuffix("created  refs/tags/v1  \(ids[0].prefix(10))") && !text.contains("\n"))
      #expect(try await vault.log([vault.mountpoint.string]).count == lines.count)
      try await vault.unmount()
    }
  }

  /// What `restic-gitfs log` does with `words`.
  private static func logged(_ vault: MountedRepository, _ words: [String]) async throws -> ProcessResult {
    try await vault.result(vault.program.string, ["log"] + words)
  }

  // C18 A ref that no snapshot has is an error, as with git.
  @Test("a ref, a pattern or a folder that no snapshot has is an error that names it; what is there prints as ever")
  func unknown() async throws {
    try await RemoteClient.withHistory { client in
      let vault = client.vault
      try await client.script("cd a; git push -q origin main:gone main:x/y; git push -q origin :gone")
      for (words, said) in [
        (["nosuch"], "no snapshot has a ref 'nosuch'"), (["refs/heads/*"], "a pattern names no ref"),
        (["--subfolder", "p.git"], "no snapshot has a git repository in 'p.git'"), (["y", "x"], "'y' or 'x'"),
      ] {
        let result = try await Self.logged(vault, words)
        #expect(result.status == .exited(1) && result.output.isEmpty, "\(words): \(result)")
        #expect(result.errorOutput.contains(said), "\(words): \(result.errorOutput)")
      }
      let json = try await Self.logged(vault, ["--json", "nosuch"])
      #expect(json.status == .exited(1) && json.output == "[]\n", "\(json)")
      #expect(json.errorOutput.contains(#""code":1"#) && json.errorOutput.contains(#""message_type":"exit_error""#))
      // One that was deleted is known; what is known prints even beside what is not.
      #expect(try await vault.log(["gone"]).map(\.kind) == ["deleted", "created"])
      let both = try await Self.logged(vault, ["main", "nosuch"])
      #expect(both.status == .exited(1) && both.output.contains("refs/heads/main"))
      // The first snapshots are forgotten: what was made by them, and has not moved since, is known all the same.
      let ids = try await vault.snapshotIDs()
      try await vault.restic(["forget", "--quiet"] + ids.dropLast())
      #expect(try await vault.log(["main"]).isEmpty)
      #expect(try await Self.logged(vault, ["gone"]).status == .exited(1))
      let twice = try await Self.logged(vault, ["--restore", "main@\(ids[0])", "main"])
      #expect(twice.status == .exited(1) && twice.errorOutput.contains("--restore names its ref itself"))
    }
  }

  // C18 Nothing to tell is told.
  @Test("a repository without snapshots, and one without a git repository, say so")
  func empty() async throws {
    try await MountedRepository.with { vault in
      let none = try await Self.logged(vault, [])
      #expect(none.isSuccess && none.output.isEmpty && none.errorOutput.contains("has no snapshots"), "\(none)")
      #expect(try await Self.logged(vault, ["main"]).status == .exited(1))
      try await vault.mount(["--no-git-init"])
      try await vault.shell("echo 1 > file")
      try await vault.unmount()
      let plain = try await Self.logged(vault, [])
      #expect(plain.isSuccess && plain.errorOutput.contains("no snapshot holds a git repository"), "\(plain)")
      let other = try await Self.logged(vault, ["--host", "elsewhere", "main"])
      #expect(other.status == .exited(1) && other.errorOutput.contains("other snapshots: 1"), "\(other)")
    }
  }

  // C18 Each git repository of a tree is told by its folder.
  @Test("several repositories are distinguished by their folders")
  func folders() async throws {
    try await MountedRepository.mounted { vault in
      try await vault.shell(
        """
        git init -q --bare p/one.git; git init -q --bare two.git; sync .
        git init -q $T/w; cd $T/w; git commit -q --allow-empty -m 1; git push -q $M/p/one.git main; sync $M
        git push -q $M/two.git main:x
        """)
      try await vault.unmount()
      let lines = try await vault.log().filter { $0.ref != "HEAD" }
      #expect(
        lines.map { [$0.repository, $0.ref] } == [["two.git", "refs/heads/x"], ["p/one.git", "refs/heads/main"]])
      #expect(try await vault.log(["--subfolder", "two.git", "x"]).count == 1)
    }
  }

  // C18 `log --restore` brings back what a forced push dropped, as a new ref, though a gc has removed the objects since.
  @Test(
    "commits that a forced push dropped and a gc removed are restored with all their objects; no ref is overwritten")
  func restore() async throws {
    try await RemoteClient.withHistory { client in
      let vault = client.vault
      let ids = try await client.script(
        """
        cd a; git rev-parse main
        git reset -q --hard main~2; echo other > other; git add .; git commit -q -m other; git push -q -f
        """
      ).split(separator: "\n").map(String.init)
      try await vault.mount()
      try await vault.shell(
        "git reflog expire --expire=now --all; git gc -q --prune=now; not git cat-file -e \(ids[0])")
      try await vault.unmount()
      let moved = try #require(try await vault.log(["main"]).last)
      let old = String(moved.snapshot.prefix(8))
      let said = try await vault.gitfs(["log", "--restore", "main@\(old)"])
      #expect(said == "refs/heads/main of snapshot \(old) is refs/restored/\(old)/heads/main now")
      let refused = try await vault.result(vault.program.string, ["log", "--restore", "main@\(old)"])
      #expect(refused.status == .exited(1) && refused.errorOutput.contains("is there already"))
      try await client.script(
        """
        git clone -q --mirror $U m; is "$(git -C m rev-parse refs/restored/\(old)/heads/main)" \(ids[0])
        git -C m fsck --strict --full; is "$(git -C m show refs/restored/\(old)/heads/main:f5)" 5
        """)
      #expect(try await vault.log(["-n", "1"]).first?.ref == "refs/restored/\(old)/heads/main")

      // Into a mount, under another name.
      try await vault.mount()
      let json = try await vault.gitfs([
        "log", "--json", "--restore", "main@\(old)", "--as", "rescued", vault.mountpoint.string,
      ])
      #expect(json.contains(#""restored":"refs/heads/rescued""#))
      #expect(try await vault.git(["rev-parse", "rescued"]) == ids[0])
      try await vault.git(["fsck", "--strict", "--full"])
      let gone = try await vault.result(vault.program.string, ["log", "--restore", "nothing@\(old)"])
      #expect(gone.status == .exited(1) && gone.errorOutput.contains("has no ref nothing"))
      try await vault.unmount()
    }
  }
}
