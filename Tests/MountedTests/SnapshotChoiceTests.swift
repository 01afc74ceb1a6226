import Foundation
import ResticTestSupport
import SystemPackage
import Testing

@Suite("The choice of the snapshot, and of a folder in it")
struct SnapshotChoiceTests {
  // C14 `--snapshot ID:/FOLDER` and `latest:/FOLDER` show one folder of a snapshot, read-only.
  @Test("a repository that was backed up by its path is found, can be pushed to on the mount, and can be shown alone")
  func folder() async throws {
    try await MountedRepository.with { vault in
      try vault.makeFolder("srv/git")
      try await vault.makeHistory("srv/git/p.git", commits: 10)
      try await vault.restic(["backup", "--quiet", vault.path("srv/git/p.git").string])
      let snapshot = try #require(try await vault.snapshots().last).id
      let place = vault.path("srv/git/p.git").string.dropFirst()

      let told = try await vault.result(vault.program.string, ["mount", vault.mountpoint.string])
      #expect(told.status == .exited(0))
      #expect(told.errorOutput.contains("but one at \(place)"))
      #expect(told.errorOutput.contains("--snapshot \(snapshot.prefix(8)):/\(place)"))
      try await vault.shell(
        """
        git clone --quiet $M/\(place) work; cd work; echo new >new; git add new; git commit --quiet -m new; git push --quiet
        """, in: vault.folder)
      try await vault.unmount()

      let old = try await vault.mount(["--snapshot", "\(snapshot):/\(place)"], at: "old")
      let latest = try await vault.mount(["--snapshot", "latest:\(place)/"], at: "latest")
      let inner = try await vault.mount(["--snapshot", "latest:\(place)/refs/heads"], at: "inner")
      #expect(try await vault.git(["rev-list", "--count", "main"], in: old) == "10")
      #expect(try await vault.git(["rev-list", "--count", "main"], in: latest) == "11")
      try await vault.shell("test -f main; not touch x 2>/dev/null", in: inner)
      for name in ["old", "latest", "inner"] { try await vault.unmount(at: name) }
      #expect(try await vault.snapshots().count == 2)
    }
  }

  // C14 remote.NAME.resticSubfolder names the folder of the snapshot that is the repository, for clone and push.
  @Test("a repository that was backed up by its path can be cloned and pushed to by URL")
  func folderByURL() async throws {
    try await MountedRepository.with { vault in
      try vault.makeFolder("srv/git")
      try await vault.makeHistory("srv/git/p.git", commits: 10)
      try await vault.shell(
        """
        place=${T#/}/srv/git/p.git; export PATH=\(vault.program.removingLastComponent()):$PATH; url=restic::$T/repository
        restic backup --quiet $T/srv/git/p.git
        not git clone -q $url lost 2>said; grep -q "there is one at $place: .git config remote.origin.resticSubfolder $place" said
        git clone -q -c remote.origin.resticSubfolder=/$place/ $url work; cd work
        test "$(git rev-list --count HEAD)" = 10
        for n in 1 2; do echo $n >new; git add new; git commit -q -m $n; git push -q; done
        git -c remote.origin.resticSubfolder=$place ls-remote -q origin main | grep -q "$(git rev-parse HEAD)"
        for bad in $place/../p.git nothing $place/refs; do
          not git -c remote.origin.resticSubfolder=$bad ls-remote -q origin 2>said; grep -q restic said
        done
        not git -c remote.origin.resticSubfolder=nothing ls-remote -q origin 2>said; grep -q "has no folder /nothing" said
        """, in: vault.folder)
      #expect(try await vault.snapshots().count == 3)
      let place = vault.path("srv/git/p.git").string
      let mounted = try await vault.mount(["--snapshot", "latest:\(place)"], at: "latest")
      #expect(try await vault.git(["rev-list", "--count", "main"], in: mounted) == "12")
      try await vault.unmount(at: "latest")
    }
  }

  @Test(
    "the error for a missing folder names it",
    arguments: [
      ("latest:/nothing", "has no folder /nothing"), ("latest:/dir/deeper", "has no folder /dir/deeper"),
      ("latest:/file", "/file in snapshot"), ("latest:/link", "is not a folder"),
      ("latest:/dir/../dir", "without '..'"),
      ("00000000:/dir", "no snapshot has an id"),
    ])
  func refused(_ snapshot: String, _ message: String) async throws {
    try await MountedRepository.with { vault in
      try vault.makeFolder("source/dir")
      try await vault.shell(
        "echo 1 >file; ln -s dir link; echo 2 >dir/file; restic backup --quiet .", in: vault.path("source"))
      let result = try await vault.result(
        vault.program.string, ["mount", "--snapshot", snapshot, vault.mountpoint.string])
      #expect(result.status == .exited(1))
      #expect(result.errorOutput.contains(message), "\(result.errorOutput)")
    }
  }

  // C14 A filter that matches nothing is told, where there are other snapshots.
  @Test("a filter that matches nothing is reported, on a mount and through restic::")
  func absence() async throws {
    try await MountedRepository.mounted(["--host", "alpha"]) { vault in
      try await vault.shell(
        """
        git init --quiet -b main $T/work; cd $T/work; echo 1 >file; git add file; git commit --quiet -m one
        git push --quiet $M main
        """, in: vault.folder)
      try await vault.unmount()
      let told = try await vault.result(
        vault.program.string, ["mount", "--host", "beta", "--tag", "x,y", vault.mountpoint.string])
      #expect(told.status == .exited(0))
      #expect(told.errorOutput.contains("of host beta, with tag x,y; other snapshots: 1"), "\(told.errorOutput)")
      try await vault.unmount()
      let fixed = try await vault.result(
        vault.program.string, ["mount", "--host", "gamma", "--snapshot", "latest:/refs", vault.mountpoint.string])
      #expect(fixed.status == .exited(1) && fixed.errorOutput.contains("host gamma; other snapshots: 2"))
    }
  }

  @Test("through restic:: a filter that matches nothing is an error for fetch, and a warning for push")
  func absenceThroughURL() async throws {
    try await RemoteClient.withHistory { client in
      let read = try await client.script(
        "export RESTIC_HOST=beta; no git clone $U b; no git -C a ls-remote $U; no test -e b")
      #expect(
        read.split(separator: "of host beta; other snapshots: 1", omittingEmptySubsequences: false).count == 3)
      let pushed = try await client.script(
        "export RESTIC_HOST=beta; cd a; git push $U main; is \"$(git ls-remote $U main | wc -l)\" 1; git push $U main:x"
      )
      let parts = pushed.split(separator: "of host beta; other snapshots: 1", omittingEmptySubsequences: false)
      #expect(parts.count == 2, "\(pushed)")
    }
  }
}
