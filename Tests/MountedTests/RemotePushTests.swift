import Foundation
import ResticTestSupport
import SystemPackage
import Testing

@Suite("Push by URL", .timeLimit(.minutes(30)))
struct RemotePushTests {
  @Test("a push that is ok is in a snapshot, whatever happens next")
  func saved() async throws {
    try await RemoteClient.withHistory { client in
      try await client.script(
        """
        cd a; for i in 6 7 8; do
          echo $i > f$i; git add .; git commit -q -m c$i; git push -q origin main
          is "$(restic dump -q latest /refs/heads/main)" "$(git rev-parse main)"
        done
        restic restore -q latest --target ../restored; git -C ../restored fsck --strict
        git -C ../restored diff --quiet main $(git rev-parse main)
        """)
      #expect(try client.vault.stored("snapshots").count == 4)
    }
  }

  @Test("a push that is not a fast-forward is rejected, and accepted after a pull")
  func nonFastForward() async throws {
    try await RemoteClient.withHistory { client in
      let log = try await client.script(
        """
        git clone -q $U b; cd b; echo b > b; git add b; git commit -q -m b; git push -q; cd ../a
        echo a > a; git add a; git commit -q -m a; no git push origin main
        git pull -q --rebase origin main; git push -q origin main
        is "$(git log --format=%s -2 | xargs)" "a b"
        git commit -q --amend -m amended; no git push origin main
        """)
      #expect(log.contains("! [rejected]        main -> main (fetch first)"))
      #expect(log.contains("! [rejected]        main -> main (non-fast-forward)"))
    }
  }

  @Test("deletions, force, leases, tags, mirrors, options, sources other than branches, and dry runs work")
  func kinds() async throws {
    try await RemoteClient.withHistory { client in
      let log = try await client.script(
        """
        heads() { git ls-remote $U | cut -f 2 | grep -v HEAD | xargs; }
        cd a; git push -q origin HEAD~1:refs/heads/older $(git rev-parse HEAD~2):refs/heads/byid
        is "$(heads)" "refs/heads/byid refs/heads/main refs/heads/older"
        git push -q origin --delete byid; git push -q origin :older; is "$(heads)" refs/heads/main
        git push --dry-run origin main:dry; is "$(heads)" refs/heads/main
        git commit -q --amend -m amended; git push -q --force origin main
        git commit -q --amend -m again; git push -q --force-with-lease origin main
        no git push --force-with-lease=main:$(git rev-parse main~1) origin main~1:main
        git branch one; git branch two main~2
        no git push --atomic origin one main~1:main; is "$(heads)" refs/heads/main
        git push -q --atomic origin one two; git push -q -o a=b -o c origin main:three
        git tag t1; git tag -a t2 -m t2; git push -q --tags; git push -q --follow-tags
        is "$(heads)" "refs/heads/main refs/heads/one refs/heads/three refs/heads/two refs/tags/t1 refs/tags/t2 refs/tags/t2^{}"
        git clone -q --mirror $U ../mirror; cd ../mirror; git update-ref -d refs/heads/two; git branch four; git push -q --mirror
        is "$(heads)" "refs/heads/four refs/heads/main refs/heads/one refs/heads/three refs/tags/t1 refs/tags/t2 refs/tags/t2^{}"
        """)
      #expect(log.contains("stale info"))
      #expect(log.contains("atomic push failed"))
    }
  }

  @Test("neither an empty push nor a refused push saves a snapshot")
  func nothing() async throws {
    try await RemoteClient.withHistory { client in
      let before = try client.vault.stored("snapshots")
      try await client.script(
        "cd a; git push -q origin main; no git push origin :main; no git push origin nothing; git push --dry-run origin main:x"
      )
      #expect(try client.vault.stored("snapshots") == before)
    }
  }

  @Test("the first branch that is pushed becomes the default branch")
  func defaultBranch() async throws {
    try await RemoteClient.with { client in
      try await client.script(
        """
        git init -q a; cd a; git checkout -q -b trunk; git commit -q --allow-empty -m 1; git push -q $U trunk
        is "$(git ls-remote --symref $U HEAD | head -1)" "$(printf 'ref: refs/heads/trunk\\tHEAD')"
        git push -q $U trunk:main; git clone -q $U ../b; is "$(git -C ../b branch --show-current)" trunk
        """)
    }
  }

  @Test(
    "after a first push of everything, HEAD names the default branch, else the pusher's branch, else the first branch")
  func mirror() async throws {
    for (branches, own, head) in [
      ("master", "--detach", "master"), ("dev master", "--detach", "dev"), ("dev master", "master", "master"),
      ("dev main x", "x", "main"),
    ] {
      try await RemoteClient.with { client in
        try await client.script(
          """
          git init -q -b start a; cd a; git commit -q --allow-empty -m 1; for b in \(branches); do git branch $b; done
          git checkout -q \(own); git branch -q -D start; git tag t; git update-ref refs/notes/x HEAD
          git push -q --mirror $U; is "$(git ls-remote --symref $U HEAD | head -1)" "$(printf 'ref: refs/heads/\(head)\\tHEAD')"
          git clone -q $U ../b; is "$(git -C ../b branch --show-current)" \(head)
          """)
      }
    }
  }

  @Test("git reports an unreachable storage and goes on as soon as it is back; with --quiet git reports nothing")
  func unreachable() async throws {
    try await RemoteClient.withHistory(storage: .local) { client in
      // A file where there should be a folder is neither a missing repository nor a missing file.
      try client.beforePush(
        in: "a",
        """
        touch $T/away; swap $T/away $V/snapshots
        (until grep -q 'trying again in ' $T/said; do sleep 0.05; done; swap $T/away $V/snapshots; rm -f $T/away) &
        """)
      let log = try await client.script(
        "cd a; : > $T/said; git commit -q --allow-empty -m 6; git push origin main 2> $T/said; cat $T/said")
      // A look for what this machine has seen before may come first.
      #expect(log.contains("restic-gitfs: save snapshots/") || log.contains("restic-gitfs: stat snapshots/"), "\(log)")
      #expect(log.contains("trying again in "))
      // A snapshot comes after an index.
      try client.beforePush(
        in: "a",
        """
        count=$(ls $V/index | wc -l); touch $T/away; swap $T/away $V/snapshots
        # Two seconds in which a message could show itself.
        (until (($(ls $V/index | wc -l) > count)); do sleep 0.05; done; sleep 2; swap $T/away $V/snapshots; rm -f $T/away) &
        """)
      let quiet = try await client.script("cd a; git commit -q --allow-empty -m 7; git push -q origin main")
      #expect(quiet.isEmpty)
    }
  }

  @Test(
    "a repository of the Go git-remote-restic accepts pushes: format 1, a backup of a bare repository, another client's paths"
  )
  func goRepository() async throws {
    try await RemoteClient.with(version: 1) { client in
      try await client.script(
        """
        git init -q a; cd a; for i in 1 2 3; do echo $i > f$i; git add .; git commit -q -m c$i; done; git tag -a t -m t; cd ..
        git clone -q --bare a bare; cd bare; git repack -q -a -d; restic -q backup --host Mac.local .; cd ..
        git clone -q $U b; cd b; is "$(git log --format=%s | xargs)" "c3 c2 c1"; git fsck --strict
        echo 4 > f4; git add .; git commit -q -m c4; git push -q origin main main:refs/heads/feature/x
        is "$(git ls-remote $U | cut -f 2 | xargs)" "HEAD refs/heads/feature/x refs/heads/main refs/tags/t refs/tags/t^{}"
        is "$(restic snapshots --path $T/bare --json | grep -o '"tree"' | wc -l)" 2; restic cat config | grep -q '"version": 1'
        restic dump -q latest /refs/heads/feature/x | grep -q $(git rev-parse main)
        """)
    }
  }

  @Test("a new repository gets the pusher's object format")
  func sha256() async throws {
    try await RemoteClient.with { client in
      try await client.script(
        """
        git init -q --object-format=sha256 a; cd a; echo 1 > f; git add f; git commit -q -m 1
        is "$(git ls-remote $U)" ""; git push -q $U main; git commit -q --allow-empty -m 2; git push -q $U main:a/b/c
        git clone -q $U ../b; cd ../b; is "$(git rev-parse --show-object-format)" sha256
        is "$(git rev-parse origin/a/b/c)" "$(git -C ../a rev-parse main)"; git fsck --strict
        """)
    }
  }

  @Test("a push from a shallow clone is complete or refused")
  func fromShallow() async throws {
    try await RemoteClient.withHistory { client in
      let log = try await client.script(
        """
        git clone -q --depth 1 $U shallow; cd shallow; echo s > s; git add s; git commit -q -m s
        git push -q origin HEAD:refs/heads/s; git clone -q $U ../whole; git -C ../whole fsck --strict
        is "$(git -C ../whole log --format=%s origin/s | wc -l)" 6
        """)
      #expect(!log.contains("error"))
      // In another repository, which lacks what the clone lacks.
      let other = try await client.script(
        """
        restic -q -r $T/other init; git clone -q --depth 1 file://$T/whole s; cd s
        no git push restic::$T/other HEAD:refs/heads/x; is "$(git ls-remote restic::$T/other)" ''
        """)
      #expect(other.contains("shallow update not allowed"))
    }
  }

  @Test("a push names the snapshot on the terminal, and prints nothing with --quiet")
  func progress() async throws {
    try await RemoteClient.withHistory { client in
      let log = try await client.script("cd a; git commit -q --allow-empty -m 6; git push --progress origin main")
      #expect(log.contains("remote: saved as snapshot "))
      let quiet = try await client.script("cd a; git commit -q --allow-empty -m 7; git push --quiet origin main")
      #expect(quiet.isEmpty)
    }
  }

  @Test("a large push is streamed, and blobs that are stored already are not stored again")
  func large() async throws {
    try await RemoteClient.withHistory { client in
      try await client.script(
        """
        cd a; head -c 30000000 /dev/urandom > big; git add big; git commit -q -m big; git push -q origin main
        git clone -q $U ../b; cmp big ../b/big
        before=$(du -sk $V/data | cut -f 1); git push -q origin main:again; after=$(du -sk $V/data | cut -f 1)
        (( after - before < 1000 ))
        """)
    }
  }

  @Test("a push that cannot be saved is refused for every ref with the reason, and changes nothing")
  func failedCommit() async throws {
    try #require(geteuid() == 0, "this test mounts a disk")
    try await RemoteClient.withHistory(storage: .local) { client in
      try await client.vault.withDisk(size: "64m") {
        try client.beforePush(in: "a", "mount -o remount,bind,ro $V")
        let log = try await client.script(
          "cd a; git commit -q --allow-empty -m 6; no git push origin main main:other; mount -o remount,bind,rw $V")
        #expect(log.contains("! [remote rejected] main -> main (not saved: "))
        #expect(log.contains("! [remote rejected] main -> other (not saved: "))
        try await client.script("cd a; is \"$(git ls-remote $U main other | cut -f 1)\" $(git rev-parse main~1)")
      }
    }
  }
}
