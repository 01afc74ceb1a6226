import SystemPackage

/// How many inodes a mount may have in memory, and a callback for refusals.
struct InodeLimit: Sendable {
  /// The number.
  let count: Int
  /// Called at a refusal.
  let didRefuse: @Sendable () -> Void

  /// EPERM if `namespace` has more than `count` inodes, otherwise nil.
  func refusal(of namespace: borrowing Namespace) -> Errno? {
    guard namespace.inodes.count > count else { return nil }
    didRefuse()
    return .notPermitted
  }
}
