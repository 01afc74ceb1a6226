import SystemPackage
import Testing

@Suite("git on a mount")
struct GitTests {
  @Test("every kind of push arrives, and the next mount shows it")
  func pushes() async throws {
    try await MountedRepository.mounted([]) { vault in
      let source = try await vault.makeHistory()
      try await vault.git(["push", "--quiet", "--mirror", vault.mountpoint.string], in: source)
      try await vault.expectSound(like: source)

      // Each push goes to a mirror first: the mount must get the same refs.
      try await vault.shell(
        """
        git clone --quiet --bare $T/source.git $T/mirror.git
        git clone --quiet $T/source.git $T/work; cd $T/work
        cp -a $T/mirror.git $T/expected.git
        for remote in $T/expected.git $M; do
          git push --quiet "$remote" main~3:refs/heads/feature/deep/y HEAD:refs/heads/feature/deep/z/w
          git push --quiet --force "$remote" main~5:main v25^{}:refs/heads/topic
          git push --quiet "$remote" --delete release/1.0
          git push --quiet "$remote" :feature/deep/x
          git push --quiet "$remote" v50^{}:refs/heads/feature/deep/x/below
        done
        git tag -a -m annotated annotated main~1; git tag light main~2
        git notes add -m 'a note' main; git notes add -m 'another' main~1
        git update-ref refs/odd/place main~4
        for remote in $T/expected.git $M; do
          git push --quiet "$remote" --tags 'refs/notes/*:refs/notes/*' refs/odd/place
          not git push --quiet "$remote" v25^{}~1:refs/heads/topic 2> /dev/null
          git push --quiet --atomic "$remote" +main~2:main +main~1:topic
          not git push --quiet --force-with-lease=main:$(git rev-parse main) "$remote" main~8:main 2> /dev/null
          git push --quiet --force-with-lease=main:$(git rev-parse main~2) "$remote" main:main
        done
        """, in: vault.folder)
      try await vault.expectSound(like: vault.path("expected.git"))

      // A ref that is packed is updated and deleted; a directory takes the place of a ref and the other way round.
      try await vault.shell(
        """
        for remote in $T/expected.git $M; do
          git -C "$remote" pack-refs --all
          cd $T/work
          git push --quiet --force "$remote" main~7:main; git push --quiet "$remote" :refs/tags/v75 :feature/deep/y :feature/deep/x/below
          git push --quiet "$remote" main:refs/heads/feature/deep/x; git push --quiet --force "$remote" main~6:main
        done
        test -n "$(ls -A $M/refs/heads)"
        """, in: vault.folder)
      try await vault.expectSound(like: vault.path("expected.git"))
    }
  }

  @Test("every kind of clone and fetch works")
  func clones() async throws {
    try await MountedRepository.mounted([]) { vault in
      let source = try await vault.makeHistory()
      try await vault.git(["push", "--quiet", "--mirror", vault.mountpoint.string], in: source)
      try await vault.remount([])
      try await vault.shell(
        """
        git -C $M config uploadpack.allowFilter true; git -C $M config uploadpack.allowAnySHA1InWant true
        cd $T
        git clone --quiet $M plain; git -C plain fsck --strict; test "$(git -C plain log --oneline | wc -l)" -gt 20
        git clone --quiet --no-local $M nolocal; diff -r --exclude .git plain nolocal
        git clone --quiet --mirror $M mirror.git; git -C mirror.git fsck --strict
        git clone --quiet --bare --shared $M shared.git; git -C shared.git log --oneline main > /dev/null
        git clone --quiet --depth 1 file://$M shallow; test "$(git -C shallow rev-list --count HEAD)" = 1
        git -C shallow fetch --quiet --unshallow; test "$(git -C shallow rev-list --count HEAD)" = "$(git -C plain rev-list --count HEAD)"
        git clone --quiet --filter=blob:none --no-checkout file://$M partial
        git -C partial checkout --quiet main; diff -r --exclude .git plain partial
        git clone --quiet --single-branch --branch topic file://$M single
        git -c protocol.version=0 clone --quiet file://$M old; git -C old fsck --strict
        git ls-remote $M > remote; git ls-remote source.git | diff - remote
        git -C plain push --quiet $M main:refs/heads/fetched; git -C nolocal fetch --quiet; git -C nolocal rev-parse origin/fetched
        git -C mirror.git remote update > /dev/null 2>&1
        git archive --remote=$M main | tar -tf - | grep dir1/ > /dev/null
        git -C $M bundle create --quiet $T/everything.bundle --all
        """, in: vault.folder)
      #expect(try await vault.refs(vault.path("mirror.git")) == vault.refs())
    }
  }

  @Test("gc, repack, prune and all of git's derived files work")
  func maintenance() async throws {
    try await MountedRepository.mounted([]) { vault in
      let source = try await vault.makeHistory()
      try await vault.git(["push", "--quiet", "--mirror", vault.mountpoint.string], in: source)
      // Small pushes make packs, and loose objects are made as well.
      try await vault.shell(
        """
        git clone --quiet $M $T/work; cd $T/work
        for i in 1 2 3 4 5 6; do echo $i > new; git add new; git commit --quiet -m $i; git push --quiet $M HEAD:main HEAD:$i; done
        cd $M; test "$(ls objects/pack/*.pack | wc -l)" -ge 6
        for i in 1 2 3; do echo loose $i | git hash-object -w --stdin; done
        git --git-dir=$M log --oneline > /dev/null; git push --quiet $T/source.git 'refs/heads/*:refs/heads/*' 2> /dev/null
        git commit-graph write --reachable; git multi-pack-index write --bitmap 2> /dev/null; git multi-pack-index verify
        git pack-refs --all --prune; git fsck --strict --full
        """)
      try await vault.expectSound(like: source)
      for step in [
        "gc --quiet", "repack -adq --write-bitmap-index", "prune --expire=now", "gc --quiet --aggressive --prune=now",
        "repack -Adq", "maintenance run --quiet",
      ] {
        try await vault.shell("git \(step); git fsck --strict --full")
      }
      #expect(try await vault.shell("ls objects/pack/*.pack | wc -l") == "1")
      try await vault.expectSound(like: source)
      #expect(try await vault.restic(["ls", "latest"]).contains("tmp_") == false)
    }
  }

  @Test("git works in a bare repository without a work tree, and in a work tree on a mount")
  func workTrees() async throws {
    try await MountedRepository.mounted { vault in
      try await vault.shell(
        """
        git init --quiet --bare bare.git; cd bare.git
        blob=$(echo content | git hash-object -w --stdin); tree=$(printf '100644 blob %s\\tfile\\n' $blob | git mktree)
        first=$(git commit-tree -m first $tree); git update-ref refs/heads/main $first
        second=$(git commit-tree -m second -p $first $tree); git update-ref refs/heads/main $second $first
        not git update-ref refs/heads/main $first $first 2> /dev/null
        git branch deep/name main~1; git branch -m deep/name other; git branch -D other; git tag -a -m t v1
        git symbolic-ref HEAD refs/heads/trunk; git branch -m main trunk; git config core.logAllRefUpdates true; git reflog expire --all
        printf 'create refs/heads/x %s\\ndelete refs/tags/v1\\n' $first | git update-ref --stdin; test "$(git show trunk:file)" = content
        cd ..; git clone --quiet bare.git tree; cd tree
        for i in 1 2 3; do echo $i > f$i; git add .; git commit --quiet -m $i; done
        git checkout --quiet -b side HEAD~2; echo side > f3; git add .; git commit --quiet -m side
        not git merge --quiet trunk 2> /dev/null > /dev/null; echo merged > f3; git add .; git commit --quiet -m merge
        git stash list; echo dirty >> f1; git stash --quiet; git stash pop --quiet; git checkout --quiet f1
        git rebase --quiet trunk~1 2> /dev/null || git rebase --abort; git worktree add --quiet ../second trunk; git gc --quiet
        test -z "$(git status --porcelain)"
        """)
      try await vault.expectKept()
      #expect(
        try await vault.shell(
          "cd tree; git status --porcelain; git fsck --strict --no-dangling; cd ../second; git status --porcelain; cd ../bare.git; git fsck --strict --no-dangling"
        ) == "")
    }
  }

  @Test("a SHA-256 repository that is copied into the mount can be pushed to and cloned")
  func newHashes() async throws {
    try await MountedRepository.mounted { vault in
      try await vault.shell(
        """
        git init --quiet --bare --object-format=sha256 $T/source.git
        git init --quiet --object-format=sha256 $T/work; cd $T/work
        for i in 1 2 3; do echo $i > f; git add f; git commit --quiet -m $i; done; git push --quiet $T/source.git main
        cp -a $T/source.git/. $M/; cp -a $T/source.git $M/deeper.git
        for i in 4 5; do echo $i > f; git commit --quiet -am $i; done
        git push --quiet $M main; git push --quiet $M/deeper.git main:refs/heads/a/b/c; git push --quiet $T/source.git main
        """)
      try await vault.expectSound(like: vault.path("source.git"))
      try await vault.shell(
        """
        git clone --quiet $M $T/copy; test "$(git -C $T/copy rev-parse HEAD)" = "$(git -C $T/work rev-parse HEAD)"
        git -C deeper.git fsck --strict; git -C deeper.git rev-parse a/b/c
        """)
    }
  }

  @Test("simultaneous pushes of two clones both arrive, and on one branch neither overwrites the other")
  func concurrentPushes() async throws {
    try await MountedRepository.mounted([]) { vault in
      try await vault.makeHistory(commits: 50)
      try await vault.git(["push", "--quiet", vault.mountpoint.string, "main"], in: vault.path("source.git"))
      try await vault.shell(
        """
        cd $T; git clone --quiet $M a; git clone --quiet $M b
        pushes() {
          cd $T/$1
          for i in 1 2 3 4 5 6; do
            echo $i > $1; git add .; git commit --quiet -m "$1 $i"; git push --quiet --force $M HEAD:refs/heads/own/$1
            until git push --quiet $M HEAD:main 2> /dev/null; do git pull --quiet --rebase $M main; done
          done
        }
        pushes a & first=$!; pushes b & second=$!; wait $first; wait $second
        test "$(git -C $M rev-list --count main)" = "$(( $(git -C source.git rev-list --count main) + 12 ))"
        test "$(git -C $M show main:a) $(git -C $M show main:b)" = "6 6"
        """, in: vault.folder)
      try await vault.shell("git clone --quiet --mirror $M $T/mirror.git")
      try await vault.expectSound(like: vault.path("mirror.git"))
    }
  }

  // C3 A snapshot is the tree at one instant; the mount can be read and written while it is being stored.
  @Test("every snapshot that a mount saves during pushes is a sound repository")
  func pushesDuringCommits() async throws {
    try await MountedRepository.mounted([]) { vault in
      try await vault.makeHistory(commits: 100)
      try await vault.shell(
        """
        cd $T; git clone --quiet source.git work; touch running
        (while test -e running; do sync $M; done) & syncs=$!
        cd work
        for i in $(seq 12); do
          head -c 200000 /dev/urandom > large; echo $i > f; git add .; git commit --quiet -m $i; git push --quiet $M HEAD:main HEAD:refs/heads/b/$i
          test $(( i % 4 )) != 0 || { git -C $M pack-refs --all; git -C $M repack -adq; }
        done
        rm $T/running; wait $syncs
        """, in: vault.folder)
      try await vault.unmount()
      let snapshots = try await vault.snapshots()
      #expect(snapshots.count > 3)
      for snapshot in snapshots {
        let restored = try await vault.restored(snapshot.id)
        try await vault.shell(
          "git fsck --strict --full; test -z \"$(find . -name '*.lock' -o -name 'tmp_*')\"; rm -r $PWD", in: restored)
      }
      try await vault.mount()
      #expect(try await vault.git(["rev-parse", "main"]) == vault.git(["rev-parse", "main"], in: vault.path("work")))
    }
  }
}
