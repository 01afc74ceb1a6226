import FuseBridge
import ResticCore
import SystemPackage

extension FuseNotifier {
  /// Makes the kernel forget what a refresh changed.
  func forget(_ invalidation: RefreshPlan.Invalidation) throws(Errno) {
    switch invalidation {
    case .entry(let name, let directory):
      // The kernel looks up no longer names, and refuses notifications about them.
      if name.bytes.count <= Namespace.maximumNameByteCount { try invalidateEntry(name.bytes, in: directory) }
    case .inode(let inode): try invalidateInode(inode)
    case .attributes(let inode): try invalidateInode(inode, offset: -1)
    }
  }
}
