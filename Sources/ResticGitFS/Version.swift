/// The program's version.
enum Version {
  /// The program's name.
  static let program = "restic-gitfs"
  /// As `--version` prints it and snapshots carry it.
  static let current = "0.1.0"
}
