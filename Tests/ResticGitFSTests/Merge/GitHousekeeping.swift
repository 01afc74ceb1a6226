import ResticTestSupport

/// Shell commands that commit, delete, restore and clean up, so that objects which one copy needs are garbage in another.
enum GitHousekeeping {
  private static let branches = ["main", "a", "b", "feature/x"]

  /// Makes `count` commits, and packs the repository after each.
  static func packfiles(_ count: Int, side: String) -> String {
    (0..<count).map { "\(GitScript.commit("refs/heads/main", "\(side)-\($0)"))git repack -q -d\n" }.joined()
  }

  /// `count` commands. The ids of all commits are in the file `known` beside the copies; the first is `known` in all.
  static func random(count: Int, side: String, _ random: inout SplitMix64) -> String {
    var script = "exec 2>/dev/null; set +e\n"
    for number in 0..<count {
      script +=
        "export GIT_COMMITTER_DATE='\(1_700_000_000 + number * 60) +0100' GIT_AUTHOR_DATE='\(1_700_000_000 + number) +0100'\n"
      script += command("\(side)-\(number)", random.next(), &random)
      script += "git for-each-ref --format='%(objectname)' refs/heads >>../known\n"
    }
    return script
  }

  private static func command(_ text: String, _ choice: UInt64, _ random: inout SplitMix64) -> String {
    let branch = branches.randomElement(using: &random) ?? "main"
    switch Int.random(in: 0..<22, using: &random) {
    case 0...5: return GitScript.commit("refs/heads/\(branch)", text)
    case 6, 7: return GitScript.commit("refs/heads/\(branch)", text) + "git repack -q -d\n"
    case 8:
      return "git symbolic-ref -q HEAD | grep -qx refs/heads/\(branch) || git update-ref -d refs/heads/\(branch) || :\n"
    case 9, 10:
      // A branch of something that is garbage here, if it is here still.
      return """
        c=$(sort -u ../known | sed -n "$((\(choice % 997) % $(sort -u ../known | wc -l) + 1))p")
        if git rev-list --objects $c >/dev/null 2>&1; then git update-ref refs/heads/revived-\(text) $c || :; fi

        """
    case 11: return "git gc -q\n"
    case 12: return "git gc -q --prune=now\n"
    case 13: return "git gc -q --cruft || git gc -q\n"
    case 14: return "git repack -q -a -d\n"
    case 15: return "git repack -q -A -d\n"
    case 16: return "git repack -q -d --geometric=2\n"
    case 17:
      return "git repack -q -d --geometric=2 --write-midx --write-bitmap-index || git repack -q -d --geometric=2\n"
    case 18: return "git repack -q --cruft -d || git repack -q -A -d\n"
    case 19: return "git prune-packed; git prune --expire=now\n"
    case 20:
      return
        "git multi-pack-index write; git multi-pack-index repack --batch-size=0; git multi-pack-index expire || :\n"
    default: return "git commit-graph write --reachable --split=replace || :; git update-server-info\n"
    }
  }
}
