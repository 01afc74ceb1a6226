import ResticCore
import SystemPackage

/// The source of everything that a tree has not loaded yet. Each call blocks a plain thread, and logs failures with
/// `operation` and `inode`.
protocol TreeSource: Sendable {
  /// The entries of a stored directory, whose tree is `id`.
  func tree(
    _ id: BlobID?, of inode: InodeNumber, for operation: StaticString
  ) throws(TreeSourceError) -> Tree
  /// The extents of a stored file.
  func extents(
    of node: Node, _ inode: InodeNumber, for operation: StaticString
  ) throws(TreeSourceError) -> ExtentMap
}

/// Why stored data could not be loaded.
struct TreeSourceError: Error, Hashable, Sendable {
  /// The error for the kernel.
  let errno: Errno
  /// Whether the stored data is damaged, so that another try is of no use.
  let isDamage: Bool
}
