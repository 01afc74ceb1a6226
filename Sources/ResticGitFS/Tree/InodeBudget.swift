/// How many unneeded inodes a mount keeps in memory.
struct InodeBudget: Sendable {
  /// The number.
  let count: Int
  /// The owner that is shown for files.
  let mounter: FileOwner
  /// Asks the kernel to forget inodes that it does not use. Does not wait.
  let forget: @Sendable ([InodeNumber]) -> Void

  /// The least number of entries that one step examines.
  static let leastStep = 512
}
