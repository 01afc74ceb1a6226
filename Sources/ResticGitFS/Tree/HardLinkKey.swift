import ResticCore

/// Identifies stored nodes that are names of one file: restic's device and inode number, and the same content.
///
/// The content counts because the numbers do not always tell files apart: a file that changed during a backup, or a
/// snapshot assembled by another program, has equal numbers with different contents.
struct HardLinkKey: Hashable, Sendable {
  private let deviceID: UInt64
  private let inode: UInt64
  private let contentHash: Int

  /// The key of a node that may have further names; nil for other nodes.
  init?(_ node: Node) {
    guard node.type == .file, node.links > 1, node.inode != 0 else { return nil }
    deviceID = node.deviceID
    inode = node.inode
    var hasher = Hasher()
    hasher.combine(node.size)
    hasher.combine(node.content)
    contentHash = hasher.finalize()
  }
}
