/// How many inodes a mount keeps in memory beyond those that somebody needs.
struct InodeBudget: Sendable {
  /// The number.
  let count: Int
  /// Whom files seem to belong to.
  let mounter: FileOwner
  /// Asks the kernel to forget inodes that it does not use. Does not wait.
  let forget: @Sendable ([InodeNumber]) -> Void

  /// At least so many entries are looked at in one step.
  static let leastStep = 512
}
