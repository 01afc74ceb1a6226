import ResticTestSupport
import SystemPackage
import Testing

// C18 What `log --restore` brings back is whole, comes from the snapshot and nowhere else, and changes no ref.
@Suite("Restoring refs from snapshots that others have written")
struct LogRestoreTests {
  /// The ref of the first move that created `name`, as `--restore` takes it.
  private static func place(of name: String, in vault: MountedRepository) async throws -> String {
    let move = try #require(try await vault.log([name]).first { $0.kind == "created" })
    return "\(name)@\(move.shortSnapshot)"
  }

  @Test(
    "a snapshot that borrows objects from a folder of this machine is refused, and nothing of that folder is stored")
  func alternates() async throws {
    try await RemoteClient.withHistory { client in
      let vault = client.vault
      try await client.script(
        "git init -q private; cd private; echo secret > s; git add .; git commit -q -m secret; git rev-parse HEAD > $T/secret"
      )
      try await vault.mount()
      try await vault.shell(
        """
        echo $T/private/.git/objects > objects/info/alternates; git update-ref refs/heads/evil $(cat $T/secret); sync .
        rm objects/info/alternates refs/heads/evil; sync .
        """)
      let evil = try await Self.place(of: "evil", in: vault)
      try await vault.unmount()
      let count = try await vault.snapshotIDs().count
      for arguments in [[evil], [evil, "--as", "x"]] {
        let result = try await vault.result(vault.program.string, ["log", "--restore"] + arguments)
        #expect(
          result.status == .exited(1) && result.errorOutput.contains("objects/info/alternates"), "\(result.errorOutput)"
        )
        #expect(result.errorOutput.contains("outside of it"), "\(result.errorOutput)")
      }
      #expect(try await vault.snapshotIDs().count == count)
      try await vault.mount()
      try await vault.shell("not git cat-file -e $(cat $T/secret)")
      // The mount of a user is no safe place for another's objects either.
      let named = try await vault.result(vault.program.string, ["log", "--restore", evil, vault.mountpoint.string])
      #expect(named.status == .exited(1) && named.errorOutput.contains("outside of it"), "\(named.errorOutput)")
      try await vault.shell("not git cat-file -e $(cat $T/secret)")
      try await vault.unmount()
    }
  }

  @Test("no ref is made of history that is shallow or lacks an object")
  func incomplete() async throws {
    try await RemoteClient.withHistory { client in
      let vault = client.vault
      try await vault.mount()
      try await vault.shell(
        """
        tree=$(git rev-parse main^{tree}); none=1111111111111111111111111111111111111111
        printf 'tree %s\\nparent %s\\nauthor a <a@a> 1 +0000\\ncommitter a <a@a> 1 +0000\\n\\nx\\n' $tree $none |
          git hash-object -t commit -w --stdin --literally > $T/id
        id=$(cat $T/id); echo $id > refs/heads/broken; sync .; echo $id > refs/heads/cut; echo $id > shallow; sync .
        rm shallow refs/heads/broken refs/heads/cut objects/${id:0:2}/${id:2}; sync .
        """)
      try await vault.unmount()
      let count = try await vault.snapshotIDs().count
      for name in ["broken", "cut"] {
        let result = try await vault.logResult("--restore", try await Self.place(of: name, in: vault))
        #expect(!result.isSuccess, "\(name)")
      }
      #expect(try await vault.snapshotIDs().count == count)
      try await vault.mount()
      try await vault.shell("git fsck --strict; [[ $(git for-each-ref | wc -l) = 1 ]]")
      try await vault.unmount()
    }
  }

  @Test("a name with a meaning for git changes no other ref; a ref with @ in its name is restored")
  func names() async throws {
    try await RemoteClient.withHistory { client in
      let vault = client.vault
      let main = try await client.script("cd a; git push -q origin main:x@y; git rev-parse main").split(
        separator: "\n")[0]
      try await vault.mount()
      // A symbolic ref to a loose file whose name is a refspec: a fetch by that name would move refs/heads/side.
      try await vault.shell(
        """
        git update-ref refs/heads/side main~2; git update-ref refs/heads/other main; sync .
        mkdir -p 'refs/heads/other:refs/heads'; echo \(main) > 'refs/heads/other:refs/heads/side'
        echo 'ref: refs/heads/other:refs/heads/side' > refs/heads/link; sync .
        rm -r 'refs/heads/other:refs' refs/heads/link; git update-ref -d refs/heads/x@y; sync .
        """)
      try await vault.unmount()
      let link = try await Self.place(of: "link", in: vault)
      _ = try await vault.logResult("--restore", link, "--as", "back")
      let at = try await vault.logResult("--restore", try await Self.place(of: "x@y", in: vault), "--as", "at")
      #expect(at.isSuccess, "\(at.errorOutput)")
      try await client.script(
        "is $(git ls-remote $U refs/heads/side | cut -f 1) $(git -C a rev-parse main~2); is $(git ls-remote $U at | cut -f 1) \(main)"
      )
      // A folder stands where a file would have to be, and the other way round.
      for name in ["main/x", "refs/heads"] {
        let result = try await vault.logResult("--restore", try await Self.place(of: "x@y", in: vault), "--as", name)
        #expect(!result.isSuccess, "\(name)")
      }
      try await client.script("is $(git ls-remote $U main | cut -f 1) \(main)")
    }
  }

  @Test("Ctrl-C ends the command with exit code 130, saves nothing and leaves nothing behind")
  func interrupted() async throws {
    try await RemoteClient.withHistory { client in
      let vault = client.vault
      try await client.script("cd a; git push -q origin main:gone; git push -q origin :gone")
      let gone = try await Self.place(of: "gone", in: vault)
      let count = try await vault.snapshotIDs().count
      let slow = try SlowGit(vault)
      for step in ["rev-parse", "fetch", "update-ref"] {
        try slow.set("hold \(step)")
        try await vault.shell(
          """
          \(slow.program) log --restore \(gone) 2> $T/err & P=$!
          for try in $(seq 6000); do [[ ! -e $T/slow-held ]] || break; sleep 0.02; done
          kill -INT $P; rm $T/slow-order; code=0; wait $P || code=$?; cat $T/err; [[ $code = 130 ]]
          """, in: vault.folder)
        #expect(try await vault.snapshotIDs().count == count, "\(step)")
        #expect(client.leftovers().isEmpty, "\(step)")
      }
      let result = try await vault.logResult("--restore", gone)
      #expect(result.isSuccess, "\(result.errorOutput)")
    }
  }

  @Test("what the newest state has lost comes back with the ref, whatever its refs and its shallow file say")
  func lost() async throws {
    try await RemoteClient.withHistory { client in
      let vault = client.vault
      try await client.script(
        """
        cd a; git push -q origin main:old; echo 6 > f6; git add .; git commit -q -m c6; git push -q origin main main:same
        git push -q origin :same
        """)
      try await vault.mount()
      // Everything that main and old share.
      try await vault.shell(
        """
        parent=$(git rev-parse main~)
        for i in objects/pack/*.idx; do if git show-index < $i | grep -q $parent; then rm -f ${i%.idx}.*; fi; done; sync .
        not git rev-list --objects --quiet main
        """)
      try await vault.unmount()
      for (name, isShallow, count) in [("same", true, 6), ("old", false, 5)] {
        try await vault.mount(["--no-git-init"])
        try await vault.shell("rm -f shallow; [[ \(isShallow) = false ]] || git rev-parse main > shallow")
        try await vault.unmount()
        let place = try await Self.place(of: name, in: vault)
        let result = try await vault.logResult("--restore", place, "--as", "back-\(name)")
        #expect(result.isSuccess, "\(result.errorOutput)")
        try await vault.mount(["--no-git-init"])
        try await vault.shell(
          "rm -f shallow; [[ $(git rev-list --count back-\(name)) = \(count) ]]; git rev-list --objects --quiet back-\(name)"
        )
        if name == "same" {
          // Lost once more.
          try await vault.shell(
            """
            git update-ref -d refs/heads/back-same; rm -f $(ls -S objects/pack/* | head -n 2); rm -rf objects/??
            not git rev-list --objects --quiet main
            """)
        }
        try await vault.unmount()
      }
    }
  }
}
