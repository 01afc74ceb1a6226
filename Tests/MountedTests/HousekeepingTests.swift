import Foundation
import Testing

@Suite("git's housekeeping on a mount")
struct HousekeepingTests {
  // C13 A commit makes `HEAD` of a repository that a mount has made name a branch that exists, where `HEAD` names none that
  // does. A `HEAD` that somebody has set since is left alone.
  @Test("a clone has the files of the first branch that was pushed, whatever its name")
  func head() async throws {
    try await MountedRepository.mounted([]) { vault in
      try await vault.shell(
        """
        git init --quiet -b trunk $T/work; cd $T/work; echo 1 >file; git add file; git commit --quiet -m one
        git push --quiet $M trunk
        """, in: vault.folder)
      try await vault.sync()
      try await vault.shell("git clone --quiet $M $T/copy; test -f $T/copy/file", in: vault.folder)
      #expect(try await vault.git(["symbolic-ref", "HEAD"]) == "refs/heads/trunk")
      try await vault.expectKept()
      try await vault.git(["symbolic-ref", "HEAD", "refs/heads/later"])
      try await vault.shell("git -C $T/work push --quiet $M trunk:other", in: vault.folder)
      try await vault.sync()
      #expect(try await vault.git(["symbolic-ref", "HEAD"]) == "refs/heads/later")
    }
  }

  @Test("a new repository's HEAD names the branch that the user's git would name")
  func defaultBranch() async throws {
    try await MountedRepository.with { vault in
      try await vault.shell(
        """
        unset GIT_CONFIG_COUNT
        git init --quiet --bare $T/plain.git
        \(vault.program) mount --log-file \(vault.log) $M
        test "$(git -C $M symbolic-ref HEAD)" = "$(git -C $T/plain.git symbolic-ref HEAD)"
        """, in: vault.folder)
      try await vault.unmount()
    }
  }

  // C4 A mount does not show what an older snapshot holds of such files. That alone makes no snapshot.
  @Test("git's lock files in a backup do not block git on a mount of the backup")
  func staleLocks() async throws {
    try await MountedRepository.with { vault in
      let locks = """
        objects/maintenance.lock objects/info/commit-graph.lock objects/info/commit-graphs/commit-graph-chain.lock
        refs/heads/main.lock packed-refs.lock config.lock HEAD.lock logs/HEAD.lock
        """
      try await vault.makeHistory(commits: 10)
      try await vault.shell(
        "for f in \(locks.replacing("\n", with: " ")); do mkdir -p $(dirname $f); touch $f; done; restic backup --quiet .",
        in: vault.path("source.git"))
      try await vault.mount()
      try await vault.shell("for f in \(locks.replacing("\n", with: " ")); do test ! -e $f; done")
      #expect(try await !vault.sync().changed)
      try await vault.shell(
        """
        git config some.thing 1; git pack-refs --all; git update-ref refs/heads/main HEAD
        git commit-graph write --reachable --split; git maintenance run --task=gc; test -f objects/info/commit-graphs/commit-graph-chain || test -f objects/info/commit-graph
        """)
      #expect(try await vault.sync().changed)
      try await vault.shell("test -z \"$(find . -name '*.lock')\"", in: vault.restored())
      try await vault.unmount()
    }
  }

  // C7 The merged git repository has every object that either side has. A packfile or loose object that one side deleted stays
  // deleted if everything in it is elsewhere.
  @Test("a gc on one mount and pushes to another: both survive", arguments: ["gc first", "push first"])
  func gc(_ order: String) async throws {
    try await MountedRepository.with { vault in
      for name in ["a", "b"] { try vault.makeFolder(name) }
      try await vault.mount(["--refresh", "0"], at: "a")
      try await vault.shell(
        """
        git init --quiet -b main work; cd work
        for i in $(seq 1 20); do echo $i >file; git add file; git commit --quiet -m $i; git push --quiet $T/a main; done
        """, in: vault.folder)
      try await vault.sync(at: "a")
      try await vault.mount(["--refresh", "0"], at: "b")
      let packs = "find objects/pack -name '*.pack' | wc -l"
      #expect(try await vault.shell(packs, in: vault.path("b")) == "20")
      try await vault.shell(
        """
        git -C a gc --quiet; cd work; echo new >file; git commit --quiet -a -m new; git push --quiet $T/b main:topic
        """, in: vault.folder)
      for name in order == "gc first" ? ["a", "b"] : ["b", "a"] { try await vault.sync(at: name) }
      for name in ["a", "b"] {
        try await vault.sync(at: name)
        #expect(try await vault.shell(packs, in: vault.path(name)) == "2")
        try await vault.git(["fsck", "--strict", "--full"], in: vault.path(name))
        try await vault.git(["rev-list", "--objects", "--quiet", "--all"], in: vault.path(name))
        #expect(try await vault.git(["rev-list", "--count", "topic"], in: vault.path(name)) == "21")
      }
      for name in ["a", "b"] { try await vault.unmount(at: name) }
    }
  }
}
