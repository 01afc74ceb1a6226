import SystemPackage
import Testing

@Suite("Pushes at the same time", .timeLimit(.minutes(30)))
struct RemoteRaceTests {
  /// A colleague's clone `b` pushes while `a` is between listing and pushing.
  private func race(
    colleague: String, push: String, _ check: String
  ) async throws -> String {
    try await withLog { log in
      try await RemoteClient.withHistory { client in
        try await client.script(
          "git clone -q $U b; cd a; git branch one; git branch two; git branch three; git push -q --all origin")
        try client.beforePush(in: "a", "cd $T/b; git commit -q --allow-empty -m b; git push -q $U \(colleague)")
        await log.set(
          try await client.script(
            """
            at() { git ls-remote $U "refs/heads/$1" | cut -f 1; }
            cd a; git commit -q --allow-empty -m a; A=$(git rev-parse main); OLD=$(git rev-parse main~1)
            \(push); B=$(git -C ../b rev-parse main)
            \(check)
            is "$(git ls-remote $U | grep -c conflicts || true)" 0
            git clone -q --mirror $U m; git -C m fsck --strict
            """))
      }
    }
  }

  @Test("the second of two pushes to a branch is told to fetch first, and the first push stays")
  func sameBranch() async throws {
    let log = try await race(colleague: "main", push: "no git push origin main", "is $(at main) $B")
    #expect(log.contains("! [remote rejected] main -> main (fetch first)"))
  }

  @Test("not even --force overwrites commits that git has not seen")
  func forced() async throws {
    let log = try await race(colleague: "main", push: "no git push --force origin main", "is $(at main) $B")
    #expect(log.contains("(fetch first)"))
  }

  @Test("pushes to different branches are both accepted")
  func differentBranches() async throws {
    _ = try await race(colleague: "main", push: "git push -q origin main:one", "is $(at main) $B; is $(at one) $A")
  }

  @Test("of several branches only those that have moved are refused, and they keep their values")
  func several() async throws {
    let log = try await race(
      colleague: "main:two main:new", push: "no git push origin main:one main:two main:new :three main:mine",
      "is $(at one) $A; is $(at two) $B; is $(at new) $B; is \"$(at three)\" ''; is $(at mine) $A")
    #expect(log.contains("! [remote rejected] main -> two (fetch first)"))
    #expect(log.contains("! [remote rejected] main -> new (fetch first)"))
    #expect(log.contains("* [new branch]      main -> mine"))
  }

  @Test("with --atomic all branches are refused if one has moved")
  func atomic() async throws {
    let log = try await race(
      colleague: "main:two", push: "no git push --atomic origin main:one main:two :three",
      "is $(at one) $OLD; is $(at two) $B; is $(at three) $OLD")
    #expect(log.contains("! [remote rejected] main -> one (fetch first)"))
  }

  @Test("a push neither recreates a branch that was deleted meanwhile nor deletes a branch that was moved meanwhile")
  func deletion() async throws {
    _ = try await race(colleague: ":one", push: "no git push origin main:one", "is \"$(at one)\" ''")
    _ = try await race(colleague: "main:one", push: "no git push origin :one", "is $(at one) $B")
  }

  @Test("a branch and a branch in the folder of its name cannot coexist")
  func folders() async throws {
    _ = try await race(
      colleague: "main:x", push: "no git push origin main:x/y main:z",
      "is $(at x) $B; is \"$(at x/y)\" ''; is $(at z) $A")
  }

  @Test(
    "a push by path and a push by URL, in either order, both survive if one comes between the other's list and push")
  func mountAndURL() async throws {
    try await RemoteClient.withHistory { client in
      try await client.vault.mount(["--refresh", "0s"])
      try await client.script("git clone -q $U b; git clone -q $T/mnt c")
      // A by URL, B by path.
      try client.beforePush(
        in: "a",
        "cd $T/b; git commit -q --allow-empty -m b; git push -q $T/mnt main main:b; \(client.vault.program) sync -q $T/mnt"
      )
      let log = try await client.script(
        """
        cd a; git commit -q --allow-empty -m a; no git push origin main; git push -q origin main:a
        is $(git ls-remote $U refs/heads/main | cut -f 1) $(git -C ../b rev-parse main); is $(git ls-remote $U a | cut -f 1) $(git rev-parse main)
        """)
      #expect(log.contains("! [remote rejected] main -> main (fetch first)"))
      // A by path, B by URL. The mount has taken A's push before it hears of B's.
      try client.beforePush(in: "c", "cd $T/b; git commit -q --allow-empty -m b2; git push -q $U main main:b2")
      try await client.script(
        """
        cd c; git pull -q; git commit -q --allow-empty -m c; git push -q origin main main:c
        status=0; \(client.vault.program) sync -q $T/mnt || status=$?; is $status 3
        is $(git ls-remote $U refs/heads/main | cut -f 1) $(git -C ../b rev-parse main); is $(git ls-remote $U refs/heads/c | cut -f 1) $(git rev-parse main)
        is $(git ls-remote $U 'refs/conflicts/*/heads/main' | cut -f 1) $(git rev-parse main)
        git -C $T/mnt fsck --strict
        for i in $(seq 2400); do [[ $(git -C $T/mnt rev-parse main) != $(git rev-parse main) ]] && break; sleep 0.05; done
        is $(git -C $T/mnt rev-parse main) $(git -C ../b rev-parse main)
        """)
      try await client.vault.unmount()
    }
  }

  @Test("of many simultaneous pushes every push that was reported as ok survives")
  func many() async throws {
    try await RemoteClient.withHistory { client in
      for name in ["p1", "p2", "p3"] { try await client.script("git clone -q $U \(name)") }
      await withTaskGroup(of: Void.self) { group in
        for name in ["p1", "p2", "p3"] {
          group.addTask {
            do {
              try await client.script(
                """
                cd \(name); : > ok
                for i in 1 2 3 4; do
                  git fetch -q; git reset -q --hard origin/main; git commit -q --allow-empty -m "\(name) $i"
                  git push -q origin main && git rev-parse main >> ok || true
                  git push -q origin main:\(name)-$i && git rev-parse main >> ok || true
                done
                """)
            } catch {
              Issue.record(error)
            }
          }
        }
      }
      let log = try await client.script(
        """
        git clone -q --mirror $U m; cd m; git fsck --strict
        cat ../p?/ok | while read id; do git for-each-ref --contains $id | grep -q . || echo "lost $id"; done
        is "$(git for-each-ref | grep -c -- -p || true)" 0
        cat ../p?/ok | wc -l; git for-each-ref | grep -c 'p[123]-'
        """)
      #expect(!log.contains("lost"))
      #expect(log.contains("\n12\n"))
    }
  }

  @Test("of two simultaneous first pushes at least one is accepted, and neither is lost")
  func firstPushes() async throws {
    try await RemoteClient.with { client in
      try await client.script(
        """
        for name in a b; do git init -q $name; git -C $name commit -q --allow-empty -m $name; done
        (cd a; git push -q $U main:from-a && echo a >> $T/ok) & (cd b; git push -q $U main:from-b && echo b >> $T/ok) & wait
        for name in $(cat ok); do
          is "$(git ls-remote $U refs/heads/from-$name | cut -f 1)" $(git -C $name rev-parse main)
        done
        """)
    }
  }
}

/// Carries a text out of a closure that may run elsewhere.
private actor Log {
  var text = ""

  func set(_ text: String) {
    self.text = text
  }
}

private func withLog(_ body: (Log) async throws -> Void) async rethrows -> String {
  let log = Log()
  try await body(log)
  return await log.text
}
