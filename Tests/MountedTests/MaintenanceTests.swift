import Foundation
import ResticTestSupport
import SystemPackage
import Testing

@Suite("git maintenance on a mount", .timeLimit(.minutes(30)))
struct MaintenanceTests {
  private static let limits = [
    "--maintenance-packfiles", "5", "--maintenance-references", "5", "--maintenance-quiet", "200ms",
  ]

  /// Pushes `count` commits to the mount, each a packfile and a branch of its own.
  static func pushes(_ count: Int) -> String {
    """
    test -d $T/work || git init --quiet -b main $T/work; cd $T/work
    for i in $(seq 1 \(count)); do
      echo $i $RANDOM >>file; git add file; git commit --quiet -m $i
      git push --quiet $M main main:refs/heads/b/$(git rev-list --count main)
    done
    """
  }

  /// git may remove files while `find` looks at them.
  static let packs = "{ find objects/pack -name '*.pack' || true; } | wc -l"
  static let references = "{ find refs -type f || true; } | wc -l"

  /// Fails the test unless the repository in the mountpoint is sound, and has the pushes of `work`.
  static func expectSound(_ vault: MountedRepository, at name: String = "mnt") async throws {
    try await vault.shell(
      """
      git fsck --strict --full; git rev-list --objects --quiet --all
      test "$(git rev-parse main)" = "$(git -C $T/work rev-parse main)"
      """, in: vault.path(name))
  }

  // T1 Where pushes go on, the packfiles and loose references of a repository stay bounded.
  @Test("an idle mount packs what pushes have left, and logs it")
  func idle() async throws {
    try await MountedRepository.mounted(Self.limits) { vault in
      try await vault.shell(Self.pushes(20), in: vault.folder)
      try await vault.wait(for: "the packing") {
        let packs = try await vault.shell(Self.packs), references = try await vault.shell(Self.references)
        return Int(packs) ?? 99 <= 5 && Int(references) ?? 99 <= 5
      }
      try await vault.wait(for: "the end") { try await vault.status().maintaining == nil }
      try await Self.expectSound(vault)
      try await vault.expectKept()
      let log = try String(contentsOf: URL(fileURLWithPath: vault.log.string), encoding: .utf8)
      #expect(log.contains("housekeeping: "))
      #expect(try await vault.shell("git config gc.auto; git config restic.maintenance") == "0\ntrue")
    }
  }

  // T1 Whatever the folder of a repository is called.
  @Test("a repository in a folder whose name is not UTF-8 is put in order as well")
  func otherBytes() async throws {
    try await MountedRepository.mounted(["--no-git-init", "--no-maintenance"]) { vault in
      try await vault.shell(
        """
        D=$M/$(printf 'p\\377 \\"q.git'); git init -q --bare "$D"; git init -q -b main $T/work; cd $T/work
        for i in $(seq 1 8); do
          echo $i > f; git add f; git commit -q -m $i; git push -q "$D" main main:refs/heads/b/$i
        done
        '\(vault.program)' maintain $M | grep packed
        cd "$D"; git fsck --strict --full; test $(ls objects/pack/*.pack | wc -l) -lt 3
        """, in: vault.folder)
      try await vault.expectKept()
    }
  }

  // T5 What is not wanted is not done.
  @Test("--no-maintenance and restic.maintenance=false turn maintenance off")
  func off() async throws {
    try await MountedRepository.with { vault in
      try await vault.mount(Self.limits + ["--no-maintenance"])
      try await vault.shell(Self.pushes(10), in: vault.folder)
      try await vault.unmount()
      try await vault.mount(Self.limits)
      try await vault.shell("git config restic.maintenance false")
      try await vault.shell(Self.pushes(2), in: vault.folder)
      #expect(try await vault.shell(Self.packs) == "12")
      #expect(try await vault.status().lastMaintenance == nil)
      try await vault.shell("git config restic.maintenance true")
      try await vault.wait(for: "the packing") {
        Int(try await vault.shell(Self.packs)) ?? 99 <= 5
      }
      try await vault.unmount()
    }
  }

  // T2 A client whose mount does not show the newest snapshot does no housekeeping.
  @Test("a mount does not repeat maintenance that another client has just done")
  func behind() async throws {
    try await withGrowingLimit(from: .seconds(15)) { quiet -> Void? in
      try await MountedRepository.with { vault -> Void? in
        let start = ContinuousClock.now
        let quietText = "\(quiet.components.seconds)s"
        try await vault.mount(["--maintenance-packfiles", "5", "--maintenance-quiet", quietText, "--refresh", "1h"])
        try await vault.shell(Self.pushes(8), in: vault.folder)
        try await vault.sync()
        try await vault.gitfs(["maintain"])
        guard start.duration(to: .now) < quiet else {
          // The mount may have begun its own housekeeping before.
          try await vault.unmount()
          return nil
        }
        try await vault.wait(for: "the next quiet time", limit: quiet + .seconds(120)) {
          try await vault.status().lastMaintenance != nil
        }
        let last = try #require(try await vault.status().lastMaintenance)
        #expect(last.contains("other clients have saved meanwhile"), "\(last)")
        #expect(try await vault.shell(Self.packs) == "8")
        try await vault.sync()
        #expect(try await vault.shell(Self.packs) == "1")
        try await Self.expectSound(vault)
        try await vault.unmount()
        return ()
      }
    }
  }

  private struct Summary: Decodable {
    struct Work: Decodable {
      struct Counts: Decodable { var packfiles: Int }
      var steps: [String]
      var before: Counts
      var after: Counts
    }
    var repositories: [Work]
    var snapshot: String?
    var changed: Bool
    var failure: String?
  }

  private func maintain(_ vault: MountedRepository, _ words: [String]) async throws -> Summary {
    try MountedRepository.decode(try await vault.gitfs(["maintain", "--json"] + words))
  }

  // T3 `restic-gitfs maintain` does all that git would do, now.
  @Test("maintain works on a mount or on the newest snapshot, and reports what it did")
  func command() async throws {
    try await MountedRepository.with { vault in
      try await vault.mount(["--no-maintenance"])
      try await vault.shell(Self.pushes(8), in: vault.folder)
      try await vault.shell("echo lost | git hash-object -w --stdin; echo old | git hash-object -w --stdin >$T/old")
      try await vault.shell("f=objects/$(cut -c -2 $T/old)/$(cut -c 3- $T/old); touch -d '3 weeks ago' $f")
      let first = try await maintain(vault, [vault.mountpoint.string])
      #expect(first.repositories.first?.steps == ["pack-refs", "prune", "repack", "commit-graph"])
      #expect((first.repositories.first?.before.packfiles, first.failure) == (8, nil))
      #expect(try await vault.shell(Self.packs) == "1")
      #expect(first.changed)
      try await vault.shell("not git cat-file -e $(cat $T/old); git cat-file -e $(echo lost | git hash-object --stdin)")
      try await Self.expectSound(vault)
      let second = try await maintain(vault, [vault.mountpoint.string])
      #expect(!second.changed)
      try await vault.shell(Self.pushes(3), in: vault.folder)
      try await vault.unmount()

      let third = try await maintain(vault, [])
      // The large one stays as it is.
      #expect((third.repositories.first?.before.packfiles, third.repositories.first?.after.packfiles) == (4, 2))
      let text = try await vault.gitfs(["maintain"])
      #expect(text.contains("nothing to maintain"))
      try await vault.mount(["--read-only"])
      try await Self.expectSound(vault)
      try await vault.gitfs(["maintain", vault.mountpoint.string], expecting: 1)
      try await vault.unmount()
    }
  }

  // T4 Never while git is at work.
  @Test("maintenance waits for a running git; old locks of a dead git do not block it")
  func busy() async throws {
    try await MountedRepository.mounted(["--no-maintenance"]) { vault in
      try await vault.shell(Self.pushes(3), in: vault.folder)
      try await vault.shell("mkdir objects/incoming-abc123")
      try await vault.gitfs(["maintain", vault.mountpoint.string], expecting: 11)
      #expect(try await vault.shell(Self.packs) == "3")
      try await vault.shell("rmdir objects/incoming-abc123; touch -d '2 hours ago' objects/maintenance.lock gc.pid")
      try await vault.gitfs(["maintain", vault.mountpoint.string])
      #expect(try await vault.shell(Self.packs) == "1")
    }
  }

  // T4 A lock that was left behind stops only what needs it.
  @Test("an old lock on packed-refs does not keep maintain from packing packfiles, and maintain reports the failure")
  func oldLock() async throws {
    try await MountedRepository.mounted(["--no-maintenance"]) { vault in
      try await vault.shell(Self.pushes(3), in: vault.folder)
      try await vault.shell("touch -d '2 hours ago' packed-refs.lock")
      try await vault.gitfs(["maintain", vault.mountpoint.string], expecting: 1)
      #expect(try await vault.shell(Self.packs) == "1")
      try await vault.shell("rm packed-refs.lock")
      try await vault.gitfs(["maintain", vault.mountpoint.string])
      #expect(try await vault.shell(Self.references) == "0")
      try await Self.expectSound(vault)
    }
  }

  // T3 Only what git itself would remove goes.
  @Test("objects in the index of a repository whose work tree is elsewhere survive")
  func staged() async throws {
    try await MountedRepository.mounted(["--no-maintenance"]) { vault in
      try await vault.shell(Self.pushes(3), in: vault.folder)
      try await vault.shell(
        """
        mkdir $T/home; echo staged >$T/home/file; export GIT_WORK_TREE=$T/home
        git read-tree main; git add file; id=$(git hash-object $T/home/file)
        touch -d '3 weeks ago' objects/$(echo $id | cut -c -2)/$(echo $id | cut -c 3-)
        \(vault.program) maintain $M
        git cat-file -e $id
        """)
      #expect(try await vault.shell(Self.packs) == "1")
    }
  }

  // T3, T4
  @Test("maintain packs a repository whose name is not UTF-8, and names one that it skips for its precious objects")
  func leftAlone() async throws {
    try await MountedRepository.mounted(["--no-maintenance", "--no-git-init"]) { vault in
      try await vault.shell(
        """
        git init --quiet --bare $'latin\\xe9.git'; git init --quiet --bare plain.git; git init --quiet --bare precious.git
        git -C precious.git config core.repositoryFormatVersion 1; git -C precious.git config extensions.preciousObjects true
        for r in *.git; do (cd "$r"; git update-ref refs/heads/x $(git commit-tree $(git mktree </dev/null) -m x)); done
        """)
      let result = try await vault.result(vault.program.string, ["maintain", vault.mountpoint.string])
      #expect(result.status == .exited(1))
      #expect(result.output.contains("plain.git: ") && result.output.contains("1 reference packed"))
      #expect(result.errorOutput.contains("precious.git is left alone"))
      try await vault.shell("test -e $'latin\\xe9.git/packed-refs'")
    }
  }

  // T6 Nothing that a stored repository names is run, read or written.
  @Test("a hostile repository runs no command and leads out of no folder")
  func hostile() async throws {
    try await MountedRepository.mounted(["--exec", "--no-maintenance"]) { vault in
      try await vault.shell(Self.pushes(3), in: vault.folder)
      try await vault.shell(
        """
        run="touch $T/ran"; echo keep >$T/victim
        for name in core.fsmonitor core.alternateRefsCommand core.sshCommand core.pager core.editor core.askPass \\
          gc.recentObjectsHook uploadpack.packObjectsHook credential.helper gpg.program diff.external pager.repack \\
          pager.pack-refs alias.repack filter.x.clean trailer.x.command; do git config $name "$run"; done
        printf '[include]\\n\\tpath = %s\\n' $T/included >>config; printf '[core]\\n\\tfsmonitor = %s\\n' "$run" >$T/included
        git config core.hooksPath $M/hooks; git config --unset core.fsmonitor
        for hook in reference-transaction post-rewrite pre-auto-gc post-update; do
          printf '#!/bin/sh\\n%s\\n' "$run" >hooks/$hook; chmod +x hooks/$hook; done
        rm -f $T/ran
        """)
      try await vault.gitfs(["maintain", vault.mountpoint.string])
      try await vault.shell("test ! -e $T/ran; test $(\(Self.packs)) = 1")

      try await vault.shell(
        """
        git rev-parse main >$T/id; mv packed-refs $T/saved; ln -s $T/victim packed-refs; mkdir -p refs/heads
        cp $T/id refs/heads/x
        """)
      try await vault.gitfs(["maintain", vault.mountpoint.string], expecting: 1)
      try await vault.shell("test \"$(cat $T/victim)\" = keep; rm packed-refs; cp $T/saved packed-refs")
      // A fifo would keep git waiting, and git empties the folder of the other link.
      try await vault.shell(
        """
        mkdir $T/outside; touch $T/outside/multi-pack-index-0123.midx
        mkfifo info/attributes; ln -s $T/outside objects/pack/multi-pack-index.d
        """)
      for path in ["info/attributes", "objects/pack/multi-pack-index.d"] {
        try await vault.gitfs(["maintain", vault.mountpoint.string], expecting: 1)
        try await vault.shell("rm \(path)")
      }
      try await vault.shell("test -e $T/outside/multi-pack-index-0123.midx")
      for path in ["objects/info/alternates", "commondir"] {
        try await vault.shell("echo $T/work/.git/objects >\(path)")
        try await vault.gitfs(["maintain", vault.mountpoint.string], expecting: 1)
        try await vault.shell("rm \(path)")
      }
      try await vault.shell("test ! -e $T/ran; rm -f hooks/*; git config --remove-section include")
    }
  }
}
