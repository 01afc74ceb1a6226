/// How long the kernel may use answers without asking again, in seconds.
struct FuseTimeouts: Sendable {
  /// For a name that exists.
  let entry: Double
  /// For attributes.
  let attributes: Double
  /// For a name that does not exist; with 0 the kernel asks every time.
  let negativeEntry: Double

  /// The timeouts of a mount.
  init(_ options: FuseMountOptions) {
    entry = options.entryTimeout.seconds
    attributes = options.attributeTimeout.seconds
    negativeEntry = options.negativeEntryTimeout.seconds
  }
}

extension Duration {
  /// As seconds, never negative.
  fileprivate var seconds: Double {
    max(0, Double(components.seconds) + Double(components.attoseconds) / 1e18)
  }
}
