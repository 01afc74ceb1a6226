import CSodium

/// libsodium, initialized once in each process before its first use.
enum Sodium {
  /// Initialized on first access; libsodium's functions are thread-safe afterwards.
  private static let started: Void = {
    precondition(sodium_init() >= 0, "libsodium could not be started")
  }()

  /// Returns once libsodium is ready.
  static func start() {
    _ = started
  }
}
