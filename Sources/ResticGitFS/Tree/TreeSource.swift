import ResticCore
import SystemPackage

/// Where what a tree has not loaded yet comes from. Each call blocks a plain thread, and logs why it fails; `operation` and
/// `inode` are for that.
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

/// Why something stored can't be had.
struct TreeSourceError: Error, Hashable, Sendable {
  /// What the kernel is to be told.
  let errno: Errno
  /// Whether what is stored is not what it should be, so that to ask again is of no use.
  let isDamage: Bool
}
