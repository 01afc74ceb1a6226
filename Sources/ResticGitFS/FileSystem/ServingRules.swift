/// Which of its files a mount serves, and how. `GitFileSystem` applies these rules at every lookup and every change.
///
/// Anybody who knows the repository's password may have written the content of a snapshot.
struct ServingRules: Hashable, Sendable {
  /// Whether only regular files and directories are served. Looking up a link, fifo, socket or device is an error, and
  /// none can be created: git would follow it, or wait for it.
  var servesRegularFilesOnly = false
  /// Whether git's configuration files are shown as `SafeConfiguration`, and cannot be changed.
  var showsSafeConfiguration = false
  /// How many inodes may be in memory: a snapshot of a few trees may show more files than fit into any memory.
  var inodeLimit = Int.max

  /// Serves everything unchanged.
  static let everything = ServingRules()
  /// For git's own server programs, which run unattended.
  static let forGit = ServingRules(
    servesRegularFilesOnly: true, showsSafeConfiguration: true, inodeLimit: 1 << 21)

  /// How many files and directories may be beneath `refs` if git is served.
  static let referenceLimit = 500_000
}
