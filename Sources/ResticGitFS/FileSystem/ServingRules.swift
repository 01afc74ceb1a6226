/// What a mount serves of what it holds, and how. `GitFileSystem` asks these rules at every lookup and every change.
///
/// What a snapshot holds was written by whoever knows the repository's password.
struct ServingRules: Hashable, Sendable {
  /// Whether only regular files and directories are served. A link, fifo, socket or device is an error at its lookup, and
  /// none can be made: git would follow it, or wait for it.
  var servesRegularFilesOnly = false
  /// Whether git's configuration files are shown as `SafeConfiguration` has them, and can't be changed.
  var showsSafeConfiguration = false
  /// How many inodes may be in memory: a snapshot of a few trees may show more files than any memory holds.
  var inodeLimit = Int.max

  /// Everything, as it is.
  static let everything = ServingRules()
  /// For git's own server programs, which nobody watches.
  static let forGit = ServingRules(
    servesRegularFilesOnly: true, showsSafeConfiguration: true, inodeLimit: 1 << 21)

  /// How many files and directories `refs` may hold beneath it where git is served.
  static let referenceLimit = 500_000
}
