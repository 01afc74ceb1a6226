import Foundation
import ResticTestSupport
import SystemPackage
import Testing

@Suite("Forced moves of refs")
struct LogAncestryTests {
  // C18 A move that is no fast-forward is told as forced, by URL and on a mount, in text and in JSON.
  @Test("a fast-forward is distinguished from a forced move, for branches and tags; nothing is left behind")
  func forced() async throws {
    try await RemoteClient.withHistory { client in
      let vault = client.vault
      try await client.script(
        """
        cd a; git tag t; git push -q origin t; git commit -q --allow-empty -m c6; git push -q origin main
        git tag -f t; git push -q -f origin t
        git commit -q --amend --allow-empty -m other; git push -q -f origin main; git push -q -f origin main~2:main
        """)
      let expected: [Bool?] = [true, true, true, false, nil, nil, nil]
      let moves = try await vault.log()
      #expect(moves.map(\.forced) == expected, "\(moves)")
      #expect(moves.map(\.kind) == ["moved", "moved", "moved", "moved", "created", "created", "created"])
      let text = try await vault.gitfs(["log"])
      #expect(text.components(separatedBy: "  forced   refs/heads/main  ").count == 3, "\(text)")
      #expect(text.contains("  forced   refs/tags/t  ") && text.contains("  moved    refs/heads/main  "))
      try await vault.mount()
      #expect(try await vault.log([vault.mountpoint.string]).map(\.forced) == expected)
      try await vault.unmount()
      #expect(client.leftovers().isEmpty)
    }
  }

  // C18 An answer is never a guess.
  @Test("if the newest snapshot has lost the commits, or is shallow, a line says that the answer is unknown")
  func unknown() async throws {
    try await RemoteClient.withHistory { client in
      let vault = client.vault
      try await client.script(
        "cd a; git commit -q --amend -m other; git push -q -f origin main; git push -q -f origin main~2:main")
      try await vault.mount()
      try await vault.shell("git reflog expire --expire=now --all; git gc -q --prune=now")
      try await vault.unmount()
      #expect(try await vault.log(["main"]).map(\.forced) == [nil, nil, nil])
      let told = try await vault.logResult("main").errorOutput
      #expect(told.contains("whether 2 moves were forced is not known: the newest snapshot does not hold"), "\(told)")

      try await client.script("cd a; git push -q -f origin main~1:main")
      try await vault.mount()
      #expect(try await vault.log(["-n", "1", vault.mountpoint.string]).map(\.forced) == [false])
      // By this file, the newest commit has no parent.
      try await vault.shell("git rev-parse main > shallow; sync .")
      #expect(try await vault.log(["-n", "1", vault.mountpoint.string]).map(\.forced) == [false])
      try await vault.shell("rm shallow")
      try await vault.unmount()
    }
  }

  // D3 `log` names an older state of the storage as well. C18 What is not read is said.
  @Test("the log names an older state, and says that it omits refs in reftables and in unreadable packed-refs")
  func omissions() async throws {
    try await RemoteClient.withHistory(storage: .local) { client in
      let vault = client.vault
      try await vault.mount()
      try await vault.shell(
        "git pack-refs --all; sync .; mv packed-refs p; mkdir packed-refs; echo x > packed-refs/x; sync .")
      try await vault.shell(
        "rm -r packed-refs; mv p packed-refs; sync .; mkdir reftable; echo x > reftable/tables.list; sync .")
      let result = try await vault.logResult("--json")
      #expect(
        result.errorOutput.contains("packed-refs of the git repository cannot be read in snapshot"),
        "\(result.errorOutput)")
      #expect(result.errorOutput.contains("keeps its refs in reftables, which this command does not read"))
      #expect(!result.output.contains("deleted"), "\(result.output)")
      let newest = try #require(try await vault.snapshots().last?.id)
      let refused = try await vault.logResult("--restore", "none@\(newest)")
      #expect(!refused.isSuccess && refused.errorOutput.contains("reftables"))
      try await vault.shell("rm -r reftable")
      try await vault.unmount()
      // Forgetting the newest snapshot looks the same.
      try await vault.restic(["forget", "latest"])
      #expect(try await vault.logResult().errorOutput.contains("the storage shows an older state"))
    }
  }
}
