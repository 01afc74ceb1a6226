import ResticCore
import SystemPackage

/// How many inodes a mount may have in memory, and where it is noted that something wanted more.
struct InodeLimit: Sendable {
  /// The number.
  let count: Int
  /// Where to note it.
  let refusals: RefusalRecord

  /// Throws EPERM where `namespace` has more than these, and notes that.
  func require(_ namespace: borrowing Namespace) throws(Errno) {
    guard namespace.inodes.count > count else { return }
    refusals.note("it has more than \(count) files; \(RefusalRecord.wayOut)")
    throw .notPermitted
  }
}
