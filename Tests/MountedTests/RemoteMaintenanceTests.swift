import Foundation
import ResticTestSupport
import SystemPackage
import Testing

@Suite("git maintenance by URL", .timeLimit(.minutes(30)))
struct RemoteMaintenanceTests {
  /// A new repository with limits of its own, and a clone `work`.
  private static func with(
    limit: Duration = .seconds(1200), _ body: @escaping @Sendable (RemoteClient) async throws -> Void
  ) async throws {
    try await RemoteClient.with(limit: limit) { client in
      try await client.vault.mount()
      try await client.vault.shell(
        "git config restic.maintenancePackfiles 5; git config restic.maintenanceReferences 5")
      try await client.vault.unmount()
      try await client.script("git init -q -b main work; git -C work remote add origin $U")
      try await body(client)
    }
  }

  private static func push(_ count: Int) -> String {
    """
    cd $T/work; for i in $(seq 1 \(count)); do
      echo $i $RANDOM >>file; git add file; git commit -q -m $i
      git push -q origin main main:refs/heads/b/$(git rev-list --count main)
    done
    """
  }

  private static func counts(_ client: RemoteClient) async throws -> (packs: Int, references: Int) {
    try await client.vault.mount(["--read-only"])
    try await MaintenanceTests.expectSound(client.vault)
    let packs = Int(try await client.vault.shell(MaintenanceTests.packs)) ?? 999
    let references = Int(try await client.vault.shell(MaintenanceTests.references)) ?? 999
    try await client.vault.unmount()
    return (packs, references)
  }

  // T1 Where pushes go on, the packfiles and loose references of a repository stay bounded.
  @Test("many pushes leave few packfiles, and nothing is missing")
  func bounded() async throws {
    try await Self.with { client in
      for _ in 1...4 {
        try await client.script(Self.push(6))
        try await client.vault.wait(for: "the end of all mounts") {
          client.vault.mounts().isEmpty && client.vault.processes().isEmpty
        }
        let counts = try await Self.counts(client)
        #expect(counts.packs <= 8 && counts.references <= 14, "\(counts)")
      }
      try await client.script("git clone -q --mirror $U m; git -C m fsck --strict --full")
    }
  }

  // T5 What is not wanted is not done.
  @Test("remote.NAME.resticMaintenance=false turns maintenance off")
  func off() async throws {
    try await Self.with { client in
      try await client.script("git -C work config remote.origin.resticMaintenance false")
      try await client.script(Self.push(8))
      #expect(try await Self.counts(client).packs == 8)
    }
  }

  // T1, G4
  @Test("a mount that stays for the next command ends after its maintenance")
  func keptAlive() async throws {
    try await Self.with { client in
      try await client.script("git -C work config remote.origin.resticKeepAlive 60s")
      try await client.script(Self.push(8))
      try await client.script(
        "git -C work config --unset remote.origin.resticKeepAlive; rm -f $T/state/restic-gitfs/remote/kept-*")
      try await client.vault.wait(for: "the end of all mounts") {
        client.vault.processes().isEmpty
      }
      #expect(try await Self.counts(client).packs <= 8)
    }
  }

  /// Random pushes, forced pushes and deletions of the clone `name` to six branches `name-1` … of its own.
  private static func pushes(of name: String, count: Int, _ random: inout SplitMix64) -> String {
    var script = "cd $T/\(name); git commit -q --allow-empty -m \(name); git push -q origin HEAD:refs/heads/\(name)-0\n"
    script += "git update-ref refs/pushed/\(name)-0 HEAD\n"
    for _ in 1...count {
      let branch = "\(name)-\(Int.random(in: 1...6, using: &random))"
      switch Int.random(in: 0...9, using: &random) {
      case 0...5:
        script += """
          echo \(random.next()) >f; git add .; git commit -q -m x
          git push -q --force origin HEAD:refs/heads/\(branch); git update-ref refs/pushed/\(branch) HEAD

          """
      case 6...7:
        script += """
          git reset -q --hard HEAD~1 2>/dev/null || true
          git push -q --force origin HEAD:refs/heads/\(branch); git update-ref refs/pushed/\(branch) HEAD

          """
      default:
        script += """
          if git rev-parse -q --verify refs/pushed/\(branch) >/dev/null; then
            git push -q origin :\(branch); git update-ref -d refs/pushed/\(branch); fi

          """
      }
    }
    return script
  }

  // T9 Housekeeping on one side and pushes on another lose no object that any ref needs.
  @Test(
    "random pushes of two clients beside maintenance: no snapshot lacks an object", arguments: [1, 2, 3] as [UInt64])
  func property(_ seed: UInt64) async throws {
    try await Self.with { client in
      var random = SplitMix64(seed: seed)
      // HEAD names a branch before there are two clients.
      try await client.script(
        """
        git init -q -b main other; git -C other remote add origin $U
        cd work; git commit -q --allow-empty -m 0; git push -q origin main; git update-ref refs/pushed/main main
        """)
      let scripts = ["work", "other"].map { Self.pushes(of: $0, count: 15, &random) }
      let done = client.vault.path("done")
      async let first = client.script(scripts[0])
      async let second = client.script(scripts[1] + ": >$T/done")
      while !FileManager.default.fileExists(atPath: done.string) {
        let result = try await client.vault.result(client.vault.program.string, ["maintain", "--retry-lock", "60s"])
        // Another client was at it, or the pushes came in between.
        let codes: [Int32] = [0, 1, 3, 11]
        #expect(codes.contains { result.status == .exited($0) }, "\(result)")
        if result.status == .exited(1) { print("seed \(seed): \(result.errorOutput)") }
        if Task.isCancelled { break }
      }
      _ = try await (first, second)
      try await client.vault.wait(for: "the end of all mounts") {
        client.vault.processes().isEmpty
      }
      try await client.script(
        """
        git clone -q --mirror $U m; git -C m fsck --strict --full; git -C m rev-list --objects --quiet --all
        list() { git -C $1 for-each-ref --format='%(refname:lstrip=2) %(objectname)' $2; }
        is "$(list m refs/heads | sort)" "$({ list work refs/pushed; list other refs/pushed; } | sort)"
        """)
      // Each of them was the newest once, and is what a client may base its next push on.
      try client.vault.makeFolder("old")
      for snapshot in try await client.vault.snapshots() {
        try await client.vault.mount(["--snapshot", snapshot.id], at: "old")
        try await client.vault.git(["rev-list", "--objects", "--quiet", "--all"], in: client.vault.path("old"))
        try await client.vault.unmount(at: "old")
      }
    }
  }
}
