import ResticTestSupport

/// Shell commands for the usual work of clients and administrators with git.
enum GitScript {
  private static let branches = ["main", "a", "a/b", "b", "feature/x", "feature/y", "c/d/e"]

  /// An empty bare repository.
  static func create(format: String, logsRefs: Bool) -> String {
    """
    git init -q --bare --object-format=\(format) -b main .
    git config core.logAllRefUpdates \(logsRefs)
    git config gc.auto 0

    """
  }

  /// A new commit on a branch, with a file of its own.
  static func commit(_ ref: String, _ text: String) -> String {
    """
    t=$(printf '100644 blob %s\\tfile\\n' "$(echo '\(text)' | git hash-object -w --stdin)" | git mktree)
    p=$(git rev-parse -q --verify \(ref) || :)
    c=$(git commit-tree "$t" ${p:+-p "$p"} -m '\(text)')
    git update-ref -m '\(text)' \(ref) "$c" || :

    """
  }

  /// `count` commands; neither `HEAD` nor another symbolic ref loses its target.
  static func random(count: Int, side: String, _ random: inout SplitMix64) -> String {
    var script = "exec 2>/dev/null\n"
    for number in 0..<count {
      script +=
        "export GIT_COMMITTER_DATE='\(1_700_000_000 + number * 60) +0100' GIT_AUTHOR_DATE='\(1_700_000_000 + number) +0100'\n"
      script += command("\(side)-\(number)", &random)
    }
    return script
  }

  private static func command(_ text: String, _ random: inout SplitMix64) -> String {
    let branch = branches.randomElement(using: &random) ?? "main"
    let other = branches.randomElement(using: &random) ?? "main"
    switch Int.random(in: 0..<26, using: &random) {
    case 0...8: return commit("refs/heads/\(branch)", text)
    case 9: return "git branch \(branch) \(other) || :\n"
    case 10: return "git branch -f \(branch) \(other) || :\n"
    case 11, 12:
      return
        "for s in HEAD refs/remotes/o/HEAD; do git symbolic-ref -q $s; done | grep -qx refs/heads/\(branch) || git update-ref -d refs/heads/\(branch) || :\n"
    case 13: return "git tag -a -m '\(text)' '\(text)' \(branch) || :\n"
    case 14: return "git tag -f v1 \(branch) || :\n"
    case 15: return "git tag -d v1 || :\n"
    case 16:
      return "git rev-parse -q --verify refs/heads/\(branch) && git symbolic-ref HEAD refs/heads/\(branch) || :\n"
    case 17:
      return
        "git rev-parse -q --verify refs/heads/\(branch) && git symbolic-ref refs/remotes/o/HEAD refs/heads/\(branch) || :\n"
    case 18: return "git pack-refs --all\n"
    case 19: return "git pack-refs --all --no-prune\n"
    case 20: return "git gc -q\n"
    // Where no commit is left, gc leaves the graph of those it deleted.
    case 21:
      return
        "git reflog expire --expire=now --all; git gc -q --prune=now; git rev-list --all -n 1 | grep -q . || rm -rf objects/info/commit-graph*\n"
    case 22: return "git repack -q -A -d -b --write-midx || :\n"
    case 23: return "git repack -q -d || :; git multi-pack-index write || :\n"
    case 24: return "git commit-graph write --reachable --split || :\n"
    default: return "git update-server-info; git notes add -f -m '\(text)' \(branch) || :\n"
    }
  }
}
