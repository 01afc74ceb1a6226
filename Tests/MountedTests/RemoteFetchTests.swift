import ResticTestSupport
import SystemPackage
import Testing

@Suite("Clone and fetch by URL", .timeLimit(.minutes(30)))
struct RemoteFetchTests {
  @Test("clone, fetch, pull and ls-remote speak every version of the protocol", arguments: [0, 1, 2])
  func versions(version: Int) async throws {
    try await RemoteClient.withHistory { client in
      try await client.script(
        """
        export GIT_CONFIG_COUNT=$((GIT_CONFIG_COUNT + 1)) GIT_CONFIG_KEY_2=protocol.version GIT_CONFIG_VALUE_2=\(version)
        git clone -q $U b
        is "$(git -C b log --format=%s | wc -l)" 5
        is "$(git ls-remote --symref $U HEAD | head -1)" "$(printf 'ref: refs/heads/main\\tHEAD')"
        cd a; git tag -a v1 -m v1; git commit -q --allow-empty -m c6; git push -q origin main v1; cd ../b
        git fetch -q; is "$(git rev-parse origin/main v1^{commit})" "$(git -C ../a rev-parse main v1^{commit})"
        git pull -q; is "$(git rev-parse HEAD)" "$(git -C ../a rev-parse HEAD)"
        GIT_TRACE_PACKET=1 git fetch -q $U main 2> trace
        is "$(grep -q 'version 2' trace && echo 2)" \(version == 2 ? "2" : "''")
        git fsck --strict
        """)
    }
  }

  @Test("shallow and partial clones can be made and completed")
  func shallow() async throws {
    try await RemoteClient.withHistory { client in
      try await client.script(
        """
        git clone -q --depth 2 $U shallow; is "$(git -C shallow log --format=%s | xargs)" "c5 c4"
        git -C shallow fetch -q --deepen 1; is "$(git -C shallow log --format=%s | wc -l)" 3
        git -C shallow fetch -q --unshallow; is "$(git -C shallow log --format=%s | wc -l)" 5
        git clone -q --shallow-since=2001-01-01 $U since; git clone -q --shallow-exclude=main~2 $U excl 2>&1 || true
        git clone -q --filter=blob:none --no-checkout $U partial; cd partial
        is "$(git rev-list --objects --missing=print HEAD | grep -c '^?')" 5
        git checkout -q main; is "$(cat f1 f5 | xargs)" "1 5"
        git clone -q --single-branch --branch main $U ../single
        """)
    }
  }

  @Test("archive, submodules, mirrors and work trees work")
  func others() async throws {
    try await RemoteClient.withHistory { client in
      try await client.script(
        """
        git archive --remote=$U HEAD f1 f2 | tar -t > list; is "$(xargs < list)" "f1 f2"
        git archive --remote=$U --format=tar.gz main | gzip -d | tar -x -O f3 > f3; is "$(cat f3)" 3
        git init -q super; git -C super submodule --quiet add $U sub; git -C super commit -q -m sub
        git clone -q --recurse-submodules super super2; is "$(cat super2/sub/f4)" 4
        git clone -q --mirror $U mirror; is "$(git -C mirror rev-parse main)" "$(git -C a rev-parse main)"
        git -C a worktree add -q ../tree -b tree; cd tree; git commit -q --allow-empty -m w; git push -q origin tree
        is "$(git ls-remote $U tree | cut -f 1)" "$(git rev-parse HEAD)"
        """)
    }
  }

  @Test(
    "a location may be an absolute or relative folder, with or without local:, whatever restic's variables say")
  func locations() async throws {
    try await RemoteClient.withHistory { client in
      let log = try await client.script(
        """
        for url in restic::$V restic::local:$V restic::repository restic::local:repository restic::./x/../repository; do
          is "$(git ls-remote $url main | wc -l)" 1
          RESTIC_REPOSITORY=/nowhere RESTIC_REPOSITORY_FILE=/nowhere git ls-remote $url > list
        done
        for url in restic:: restic::local: restic://host/x restic::b2:bucket:x; do no git ls-remote $url; done
        """)
      #expect(log.contains("git-remote-restic: a URL is restic:: followed by a location as restic takes it"))
      #expect(log.contains("restic-gitfs: b2: repositories are reached through rclone: use rclone:REMOTE:BUCKET/PATH"))
    }
  }

  @Test("a clone of an empty repository is empty, and leaves the repository unchanged")
  func empty() async throws {
    try await RemoteClient.with { client in
      let log = try await client.script("git clone $U a; git ls-remote $U; git -C a status")
      #expect(log.contains("You appear to have cloned an empty repository"))
      #expect(!log.contains("restic-gitfs:"))
      #expect(try client.vault.stored("snapshots").isEmpty)
      try await client.script("cd a; echo 1 > f; git add f; git commit -q -m 1; git push -q origin main")
    }
  }

  @Test("remote.NAME.resticHost, resticTag and resticPath choose the snapshot; other backups are left alone")
  func selection() async throws {
    try await RemoteClient.withHistory { client in
      try await client.vault.restic(["tag", "--set", "git"])
      try await client.script(
        """
        mkdir other; echo secret > other/file; restic -q backup other; cd a
        no git fetch origin 2> log; grep -q 'holds no bare git repository at its root; choose another' log
        git config remote.origin.resticPath /git; git fetch -q origin
        git config remote.origin.resticTag git; git fetch -q origin
        git config remote.origin.resticHost nobody; is "$(git ls-remote origin)" ""
        git config --unset remote.origin.resticHost; git commit -q --allow-empty -m 6; git push -q origin main
        restic snapshots --tag git --path /git --json | grep -o '"tree"' | wc -l > count; is "$(cat count)" 2
        """)
    }
  }

  @Test("remote.NAME.resticOption is restic's -o: the storage's options are accepted, all others are refused")
  func options() async throws {
    try await RemoteClient.withHistory(storage: .local) { client in
      let log = try await client.script(
        """
        cd a; git config remote.origin.resticOption local.connections=1; git config --add remote.origin.resticOption s3.x=y
        git commit -q --allow-empty -m 6; git push -q origin main; git fetch -q origin; git clone -q $U ../b
        for option in local.connections=0 local.nothing=1 allow_other exec; do
          git config --replace-all remote.origin.resticOption $option; no git fetch origin
        done
        """)
      #expect(log.contains("restic-gitfs: remote.origin.resticOption: option \"local.connections\" cannot be '0'"))
      #expect(log.contains("restic-gitfs: remote.origin.resticOption: option \"exec\" is not known"))
    }
  }
}
