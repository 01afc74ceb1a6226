/// The program's version.
enum Version {
  /// As `--version` prints it and snapshots carry it.
  static let current = "0.1.0"
}
