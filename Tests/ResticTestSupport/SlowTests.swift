import Foundation

/// Tests that take minutes, and their own helpers: `scripts/test --slow` runs them.
public enum SlowTests {
  /// Whether they run.
  public static let areWanted = ProcessInfo.processInfo.environment["RESTIC_GITFS_SLOW_TESTS"] == "1"
}
