import SystemPackage

/// How many inodes a mount may have in memory, and whom to tell when something wanted more.
struct InodeLimit: Sendable {
  /// The number.
  let count: Int
  /// Told of a refusal.
  let didRefuse: @Sendable () -> Void

  /// EPERM where `namespace` has more than these; else nil.
  func refusal(of namespace: borrowing Namespace) -> Errno? {
    guard namespace.inodes.count > count else { return nil }
    didRefuse()
    return .notPermitted
  }
}
