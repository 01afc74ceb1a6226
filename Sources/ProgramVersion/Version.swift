/// The version of the programs; `restic-gitfs` and `git-remote-restic` are one release.
public enum Version {
  /// The name of the program that makes snapshots.
  public static let program = "restic-gitfs"
  /// As `--version` prints it and snapshots carry it.
  public static let current = "0.1.0"
}
