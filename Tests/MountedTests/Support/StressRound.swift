import Foundation
import Glibc
import ResticTestSupport
import SystemPackage
import Testing

/// One round of a stress run: four mounts that commit, come and go, four clients that push, git's housekeeping, and restic,
/// all at a time.
///
/// Clients 0 and 1 push to the path of one of the mounts, 2 and 3 through `restic::`; to branches of their own and to one
/// that all share. The seed chooses each client's operations; their interleaving is up to the machine.
struct StressRound: Sendable {
  static let mountNames = (0..<4).map { "m\($0)" }
  static let clientCount = 4

  /// git, on the repository.
  let client: RemoteClient
  /// Where everything is noted.
  let log: StressLog
  /// Chooses the operations.
  let seed: UInt64
  /// When nothing new is begun any more.
  private var end = ContinuousClock.now

  /// A round of the operations that `seed` chooses.
  init(client: RemoteClient, log: StressLog, seed: UInt64) {
    self.client = client
    self.log = log
    self.seed = seed
  }

  var vault: MountedRepository { client.vault }
  var isOver: Bool { ContinuousClock.now >= end }

  /// A new repository with one commit, and the clients' clones.
  static func prepare(_ client: RemoteClient) async throws {
    try await client.script(
      """
      for i in $(seq 0 \(clientCount - 1)); do git init -q c$i; git -C c$i config receive.unpackLimit 1; done
      git -C c0 commit -q --allow-empty -m start; git -C c0 push -q $U HEAD:refs/heads/main
      """)
  }

  /// Mounts, lets all of them work, twice, and unmounts. Afterwards all that was accepted has to be saved.
  ///
  /// Between the two spells everything is saved, so that the second begins with a prune, beside mounts that have not seen
  /// yet what the others saved.
  func run(for duration: Duration) async throws {
    for name in Self.mountNames { try await mount(name) }
    var seeds = SplitMix64(seed: seed)
    for _ in 0..<2 {
      var spell = self
      spell.end = .now.advanced(by: duration / 2)
      try await spell.work(&seeds)
      for name in Self.mountNames { try await sync(name) }
    }
    for name in Self.mountNames { try await unmount(name) }
    try await vault.waitForEnd()
  }

  private func work(_ seeds: inout SplitMix64) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for index in 0..<Self.clientCount {
        let own = SplitMix64(seed: seeds.next())
        group.addTask { try await push(index, own) }
      }
      for name in Self.mountNames {
        let own = SplitMix64(seed: seeds.next())
        group.addTask { try await commit(name, own) }
      }
      for mounts in [Self.mountNames.prefix(2), Self.mountNames.suffix(2)] {
        let own = SplitMix64(seed: seeds.next())
        group.addTask { try await tidy(mounts, own) }
      }
      let own = SplitMix64(seed: seeds.next())
      group.addTask { try await keepHouse(own) }
      try await group.waitForAll()
    }
  }

  // MARK: Clients

  private func push(_ index: Int, _ source: SplitMix64) async throws {
    var random = source
    while !isOver {
      let byPath = index < 2
      let mount = Self.mountNames[Int.random(in: 0..<4, using: &random)]
      let target = byPath ? vault.path(mount).string : client.url
      let branch = ["main", "main", "shared/x", "c\(index)/1", "c\(index)/2"][Int.random(in: 0..<5, using: &random)]
      let tag = Int.random(in: 0..<6, using: &random) == 0 ? "HEAD:refs/tags/\(random.next())" : ""
      // A push of few objects arrives as loose objects, or as a packfile.
      let server = "git -c receive.unpackLimit=\([1, 100].randomElement(using: &random) ?? 1) receive-pack"
      // Without the fetch the client goes on from its own knowledge, and may be told to fetch first.
      let fetches = Int.random(in: 0..<4, using: &random) > 0
      let answer = try await client.script(
        """
        cd c\(index)
        if \(fetches); then git fetch -q --prune '\(target)' '+refs/heads/*:refs/remotes/t/*' || { echo away; exit 0; }; fi
        base=$(git rev-parse -q --verify refs/remotes/t/\(branch) || git rev-parse -q --verify refs/remotes/t/main) || { echo away; exit 0; }
        git checkout -q --force --detach $base
        echo \(random.next()) > file\(Int.random(in: 0..<3, using: &random)); git add .; git commit -q -m 'client \(index)'
        if git push -q \(byPath ? "--receive-pack='\(server)'" : "") '\(target)' HEAD:refs/heads/\(branch) \(tag); then echo "accepted $(git rev-parse HEAD)"; else echo refused; fi
        """)
      guard let id = answer.firstMatch(of: #/accepted ([0-9a-f]{40})/#)?.1 else {
        await log.count(answer.contains("refused") ? "pushes refused" : "mounts away")
        continue
      }
      await log.accept(
        String(id), "\(id) by client \(index) to \(branch) of \(byPath ? mount : "the URL") at \(Date())")
      await log.count("pushes accepted \(byPath ? "by path" : "by URL")")
      if byPath, Bool.random(using: &random) { try await sync(mount) }
    }
  }

  // MARK: Mounts

  private func commit(_ name: String, _ source: SplitMix64) async throws {
    var random = source
    while !isOver {
      try await Task.sleep(for: .milliseconds(Int.random(in: 100...1500, using: &random)))  // Any moment will do.
      switch Int.random(in: 0..<5, using: &random) {
      case 0: try await sync(name)
      case 1: _ = try await vault.result("sync", [vault.path(name).string])
      case 2: kill(try await vault.status(at: name).pid, SIGUSR1)
      case 3:
        try await unmount(name)
        try await mount(name)
      default:
        // A program may be at work in the mount; and while it is away others cannot push to it.
        guard try await vault.result("fusermount3", ["-u", vault.path(name).string]).isSuccess else { continue }
        await log.count("unmounts")
        try await Task.sleep(for: .milliseconds(Int.random(in: 0...300, using: &random)))  // Any moment will do.
        try await mount(name)
      }
    }
  }

  private func mount(_ name: String) async throws {
    try await vault.mount(["--refresh", "1s"], at: name)
  }

  /// Records an issue if the mount could not save. Another task may have unmounted it.
  private func sync(_ name: String) async throws {
    let result = try await vault.result(vault.program.string, ["sync", vault.path(name).string])
    await log.count("syncs")
    if result.status == .exited(0) || result.status == .exited(3) { return }
    let isAway = ["is not a restic-gitfs mount", "is gone", "does not report its status"].contains {
      result.errorOutput.contains($0)
    }
    if !isAway { Issue.record("sync of \(name), seed \(seed): \(result)") }
  }

  private func unmount(_ name: String) async throws {
    while true {
      let result = try await vault.result(vault.program.string, ["umount", vault.path(name).string])
      if result.status == .exited(0) || result.status == .exited(3) { break }
      guard result.errorOutput.contains("busy") || result.errorOutput.contains("in use") else {
        Issue.record("umount of \(name), seed \(seed): \(result)")
        break
      }
      try await Task.sleep(for: .milliseconds(50))  // The pause between two tries.
    }
    await log.count("unmounts")
  }

  // MARK: restic

  private func keepHouse(_ source: SplitMix64) async throws {
    var random = source
    let prune = ["forget", "--keep-last", "2", "--group-by", "paths", "--prune", "--max-unused", "0"]
    // Never the newest snapshot: clients without a filter look at that one.
    let tasks = [
      ("prunes", prune), ("checks", ["check"]),
      ("backups", ["backup", "--quiet", "--time", "2020-01-01 00:00:00", vault.path("python").string]),
    ]
    var next = 0
    while !isOver {
      let (what, arguments) = tasks[next]
      let result: ProcessResult
      do {
        result = try await vault.result("restic", arguments)
      } catch ProcessFailure.timedOut(_, _, let late) where late.errorOutput.contains("Load(<lock/") {
        // A lock that went away between its look at the folder and at the file: 0.14 asks for it again for 15 minutes.
        await log.count("\(what) that waited for a lock that was gone")
        // The killed restic may have left a lock of its own.
        try await vault.restic(["unlock"])
        continue
      }
      if result.isSuccess {
        await log.count(what)
      } else if what == "backups" || !result.errorOutput.contains("already locked") {
        Issue.record("restic \(arguments), seed \(seed): \(result)")
      } else {
        // Commands with an exclusive lock are refused while a client has something to save.
        await log.count("\(what) refused")
      }
      try await Task.sleep(for: .milliseconds(Int.random(in: 0...1000, using: &random)))  // Any moment will do.
      next = Int.random(in: 0..<tasks.count, using: &random)
    }
  }
}
