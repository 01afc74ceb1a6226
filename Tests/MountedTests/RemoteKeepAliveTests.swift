import Foundation
import ResticTestSupport
import SystemPackage
import Testing

@Suite("A mount that stays for the next command", .timeLimit(.minutes(30)))
struct RemoteKeepAliveTests {
  /// Begins with a clone `a` that has a history, and a clone `b` whose mounts stay for an hour. They end with the test.
  private func with(_ body: @escaping @Sendable (RemoteClient) async throws -> Void) async throws {
    try await RemoteClient.withHistory { client in
      try await client.script(
        "git clone -q $U b; git -C b config remote.origin.resticKeepAlive 1h; is \"$(ls $T/state/restic-gitfs/remote)\" ''"
      )
      try await body(client)
      try await client.script("rm -f $T/state/restic-gitfs/remote/kept-*")
      try await client.vault.waitForEnd()
    }
  }

  /// The processes of the mounts that have stayed; only while no command runs.
  private func mounts(_ client: RemoteClient, _ count: Int) async throws -> Set<Int32> {
    // A mount that is not to stay takes its folder away before it ends.
    try await client.vault.wait(for: "\(count) mounts") { client.vault.processes().count == count }
    #expect(client.vault.mounts().count == count)
    #expect(try client.vault.stored("locks").isEmpty)
    return Set(client.vault.processes())
  }

  /// G4 The next fetch uses the mount that is there, without a password, and sees what others have pushed meanwhile.
  @Test("the next fetch uses the mount, needs no password, and sees what a colleague has pushed")
  func fetch() async throws {
    try await with { client in
      try await client.script("cd b; git fetch -q")
      let first = try await mounts(client, 1)
      for round in 1...3 {
        try await client.script(
          """
          cd a; git commit -q --allow-empty -m x\(round); git push -q origin main main:new\(round); cd ../b
          RESTIC_PASSWORD=wrong git fetch -q; is $(git rev-parse origin/main) $(git -C ../a rev-parse main)
          is $(git rev-parse origin/new\(round)) $(git rev-parse origin/main); git fsck --strict
          """)
        #expect(try await mounts(client, 1) == first)
      }
      try await client.script("RESTIC_PASSWORD=wrong; export RESTIC_PASSWORD; no git -C a fetch -q")
    }
  }

  @Test("the file that names the mount tells nothing about the repository, and only its owner can read it")
  func file() async throws {
    try await with { client in
      try await client.script(
        """
        git -C b fetch -q; cd $T/state/restic-gitfs/remote; is "$(stat -c %a . kept-* | xargs)" "700 600"
        is "$(ls | sed 's/kept-[0-9a-f]\\{40\\}$/kept/; s/remote-[0-9]*-......$/remote/' | xargs)" "kept remote"
        no grep -q -e repository -e 7f3a91 kept-*
        """)
    }
  }

  @Test("reading and writing, and each choice of snapshot, options and keep-alive time, have a mount of their own")
  func apart() async throws {
    try await with { client in
      try await client.script("cd b; git fetch -q; git push -q origin main:x")
      let two = try await mounts(client, 2)
      try await client.script(
        """
        cd b; git -c remote.origin.resticPath=/git fetch -q; git -c remote.origin.resticOption=local.connections=3 fetch -q
        git -c remote.origin.resticKeepAlive=2h fetch -q; RESTIC_COMPRESSION=max git fetch -q; git fetch -q; git push -q
        """)
      // On a busy machine one or the other may not stay, which costs the next command its time; but none is used by another.
      try await client.vault.wait(for: "the ends of mounts that don't stay") {
        client.vault.processes().count == client.vault.mounts().count
      }
      let all = Set(client.vault.processes())
      #expect(all.isSuperset(of: two) && all.count > 3)
    }
  }

  /// G4 The same location may be another repository for other variables: that is another mount.
  @Test(
    "a remote's name is looked up in the command's rclone configuration, and no other repository is used")
  func otherConfiguration() async throws {
    try await RemoteClient.with(storage: .local) { client in
      try await client.script(
        """
        for name in x y; do
          printf '[r]\ntype = alias\nremote = %s\n' $T/$name > $name.conf
          git init -q c$name; cd c$name; git commit -q --allow-empty -m $name; git remote add origin restic::rclone:r:v
          git config remote.origin.resticKeepAlive 1h; export RCLONE_CONFIG=$T/$name.conf
          restic-gitfs init -q -r rclone:r:v; git push -q origin main; cd ..
        done
        for name in x y x; do
          export RCLONE_CONFIG=$T/$name.conf
          is "$(git -C c$name ls-remote origin main | cut -f 1)" "$(git -C c$name rev-parse main)"
        done
        rm -f $T/state/restic-gitfs/remote/kept-*
        """, environment: ["RESTIC_REPOSITORY": String?.none])
      try await client.vault.waitForEnd()
    }
  }

  /// G4 A push through it says ok when a snapshot holds it; it never commits on what is not the newest.
  @Test("pushes share one mount, and every push that was reported as ok is in a snapshot")
  func push() async throws {
    try await with { client in
      try await client.script("cd b; git push -q origin main:zero")
      let first = try await mounts(client, 1)
      for round in 1...3 {
        let log = try await client.script(
          """
          cd a; git commit -q --allow-empty -m a\(round); git push -q origin main:theirs; cd ../b
          git commit -q --allow-empty -m \(round); git push --progress origin main; git push -q origin main
          is "$(cd ../a; git ls-remote origin main theirs | cut -f 1 | xargs)" "$(git rev-parse main) $(git -C ../a rev-parse main)"
          """)
        #expect(log.contains("remote: saved as snapshot "))
        #expect(try await mounts(client, 1) == first)
      }
      try await client.script(
        "git clone -q --mirror $U m; cd m; git fsck --strict; is \"$(git for-each-ref | grep -c conflicts || true)\" 0")
    }
  }

  /// G4 Nothing of a push that was not saved is left for the next command.
  @Test("a rejected push leaves nothing to the next push")
  func rejected() async throws {
    try await with { client in
      try await client.script("cd b; git push -q origin main:zero")
      let first = try await mounts(client, 1)
      try client.beforePush(in: "b", "cd $T/a; git commit -q --allow-empty -m a; git push -q $U main")
      let log = try await client.script(
        """
        cd b; git commit -q --allow-empty -m b; no git push origin main
        is $(git ls-remote origin main | cut -f 1) $(git -C ../a rev-parse main)
        """)
      #expect(log.contains("! [remote rejected] main -> main (fetch first)"))
      // The one to write has ended, the one to read was made by ls-remote.
      #expect(try await mounts(client, 1).isDisjoint(with: first))
      try await client.script(
        """
        cd b; no git push -q origin main; git fetch -q; git rebase -q origin/main; git push -q origin main :zero
        is "$(git ls-remote $U | grep -c -e conflicts -e zero || true)" 0
        git clone -q $U ../c; git -C ../c fsck --strict; is $(git -C ../c rev-parse main) $(git rev-parse main)
        """)
    }
  }

  @Test("if the mount's process was killed or its file removed, the next command starts another mount")
  func killed() async throws {
    try await with { client in
      var known: Set<Int32> = []
      for end in ["kill -9 $P", "kill $P", "kill -9 $P; rm kept-*", "rm kept-*", "echo x > kept-*"] {
        try await client.script("git -C b fetch -q; git -C b push -q origin main:x")
        let now = try await mounts(client, 2)
        #expect(now.isDisjoint(with: known), "\(end)")
        known.formUnion(now)
        let processes = now.map { "\($0)" }.joined(separator: " ")
        try await client.script(
          "P='\(processes)'; cd $T/state/restic-gitfs/remote; for kept in kept-*; do \(end.replacing("kept-*", with: "$kept")); done || true"
        )
        if !end.hasPrefix("echo") { try await client.vault.waitForEnd() }
      }
      try await client.script("git -C a fetch -q")
      try await client.vault.waitForEnd()
      #expect(client.leftovers().isEmpty)
    }
  }

  @Test("if git or the helper is killed in a push, the mount ends and drops the push")
  func killedCommand() async throws {
    try await with { client in
      for victim in ["*git-remote-restic\\ *", "git\\ push\\ *"] {
        try await client.script("git -C b push -q origin main:x")
        let first = try await mounts(client, 1)
        try client.beforePush(
          in: "b",
          """
          for p in /proc/[0-9]*; do
            grep -q -z "XDG_STATE_HOME=$T/" $p/environ 2> /dev/null || continue
            case "$(tr '\\0' ' ' < $p/cmdline)" in \(victim)) kill -9 ${p#/proc/};; esac
          done
          """)
        try await client.script(
          "cd b; git commit -q --allow-empty -m x; no git push -q origin main; is $(git ls-remote $U main | cut -f 1) $(git rev-parse origin/main)"
        )
        try await client.vault.waitForEnd()
        try await client.script("git -C b push -q origin main")
        #expect(try await mounts(client, 1).isDisjoint(with: first))
      }
    }
  }

  @Test("of two commands at once one uses the mount, and the other starts a mount that ends with the command")
  func twoAtOnce() async throws {
    try await with { client in
      try await client.script("cp -a b c; cd b; git push -q origin main:x")
      let first = try await mounts(client, 1)
      try client.beforePush(
        in: "b", "cd $T/c; git commit -q --allow-empty -m c; git push -q origin main:c; git fetch -q")
      try await client.script(
        """
        cd b; git commit -q --allow-empty -m b; git push -q origin main:b
        is "$(git ls-remote $U b c | cut -f 1 | xargs)" "$(git rev-parse main) $(git -C ../c rev-parse main)"
        """)
      // The other one is that of fetch.
      #expect(try await mounts(client, 2).isSuperset(of: first))
      try await client.script(
        "cd b; git fetch -q; for i in 1 2 3 4 5 6; do git fetch -q & done; wait; git fsck --strict")
      #expect(try await mounts(client, 2).isSuperset(of: first))
    }
  }

  /// G4 Several commands take turns.
  @Test("clones that pull and push one branch at once take turns on one mount, and nothing is lost")
  func turns() async throws {
    try await with { client in
      try await client.script(
        "for i in 1 2 3 4; do cp -a b w$i; git -C w$i config pull.rebase true; done; cd b; git fetch -q; git push -q origin main:x"
      )
      let first = try await mounts(client, 2)
      try await client.script(
        """
        work() {
          cd w$1; echo $1 > w$1; git add .; git commit -q -m w$1
          for try in $(seq 60); do git pull -q && git push -q origin HEAD:main && return 0; done; return 1
        }
        for i in 1 2 3 4; do work $i > log$i 2>&1 & jobs[$i]=$!; done
        for i in 1 2 3 4; do wait ${jobs[$i]} || { cat log$i; exit 1; }; done
        git clone -q $U all; is "$(ls all | grep -c ^w)" 4
        """)
      #expect(try await mounts(client, 2).count == first.count)
    }
  }

  @Test("a mount is not used if a new mount would show another snapshot")
  func otherSnapshot() async throws {
    try await with { client in
      try await client.script("git -C b fetch -q; git -C b push -q origin main:x")
      let log = try await client.script(
        """
        mkdir other; echo 1 > other/file; restic -q backup other; cd b; no git fetch; no git push origin main:y
        restic -q forget latest; git fetch -q; git push -q origin main:y
        """)
      #expect(log.components(separatedBy: "holds no bare git repository at its root").count == 3)
    }
  }

  /// G4 It ends by itself when no command has used it for as long as the setting says, and nothing is left.
  @Test("the mount ends after the keep-alive time, and leaves nothing behind")
  func end() async throws {
    try await RemoteClient.withHistory { client in
      try await client.script(
        "cd a; git config remote.origin.resticKeepAlive 1s; git fetch -q; git push -q origin main:x")
      try await client.vault.wait(for: "the end of all mounts") {
        client.vault.processes().isEmpty && client.vault.mounts().isEmpty && client.leftovers().isEmpty
      }
      #expect(client.vault.stateFiles().isEmpty)
      let log = try await client.script("cd a; git config remote.origin.resticKeepAlive soon; no git fetch")
      #expect(log.contains("remote.origin.resticKeepAlive is 'soon'; it must be a duration"))
      #expect(client.leftovers().isEmpty)
    }
  }
}
