import ResticTestSupport
import Testing

/// git's housekeeping on the mounts, while others push.
extension StressRound {
  /// The commands in a mount, by the names under which they are counted.
  ///
  /// `git prune` beside a push deletes objects that have arrived and that no ref names yet, on any disk; so it is given an
  /// age that no push reaches. It removes objects that no ref has ever named.
  private static let chores = [
    ("gc", "git gc --quiet"),
    ("repack -ad", "git repack -q -a -d"),
    ("repack --geometric", "git repack -q -d --geometric=2"),
    ("pack-refs", "git pack-refs --all"),
    ("prune", "echo $((RANDOM % 100)) | git hash-object -w --stdin; git prune --expire=30.seconds.ago"),
    ("multi-pack-index", "git multi-pack-index write"),
    ("commit-graph", "git commit-graph write --reachable"),
  ]

  /// git's messages about packfiles that vanish during its work.
  private static let losses = ["fatal: could not find pack '", ".pack cannot be accessed"]

  /// Runs one command after the other on these mounts, in which nothing else cleans up meanwhile.
  func tidy(_ mounts: some Collection<String> & Sendable, _ source: SplitMix64) async throws {
    var random = source
    while !isOver {
      guard let mount = mounts.randomElement(using: &random),
        let (what, command) = Self.chores.randomElement(using: &random)
      else { return }
      // The mount is in use until the shell ends; the exit code 77 says that there was none.
      let script = "cd \(vault.path(mount)) && test -e HEAD || exit 77; \(command)"
      let result = try await vault.result("/bin/bash", ["-eu", "-c", script], timeout: .seconds(100))
      switch result.status {
      case .exited(0): await log.count(what)
      case .exited(77): await log.count("mounts away")
      // A lock that a push, or git on another mount, holds for a moment.
      case _ where result.errorOutput.contains(".lock': File exists"): await log.count("\(what) refused")
      // The packfiles that git had found are gone: the mount shows what a gc on another one has made of them. In a repository
      // on a disk a gc at the same time does the same to git.
      case _ where Self.losses.contains(where: result.errorOutput.contains): await log.count("\(what) overtaken")
      default: Issue.record("\(what) on \(mount), seed \(seed): \(result)")
      }
      try await Task.sleep(for: .milliseconds(Int.random(in: 0...1000, using: &random)))  // Any moment will do.
    }
  }
}
