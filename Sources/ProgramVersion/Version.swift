internal import CSourceCommit

/// The version of the programs; `restic-gitfs` and `git-remote-restic` are one release.
public enum Version {
  /// The name of the program that makes snapshots.
  public static let program = "restic-gitfs"
  /// The version as `--version` prints it and snapshots carry it.
  public static let current = "0.1.0"
  /// The commit that this program was built from; empty unless the build is a release (`scripts/release` sets it).
  public static let commit = String(cString: source_commit())

  /// The line that `--version` prints for the program `name`: `restic-gitfs 0.1.0 (commit 1a2b3c4d5e6f)`.
  public static func line(of name: String) -> String {
    commit.isEmpty ? "\(name) \(current)" : "\(name) \(current) (commit \(commit))"
  }
}
