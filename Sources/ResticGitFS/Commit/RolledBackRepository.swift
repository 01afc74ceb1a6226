/// Nothing is written to a repository whose storage shows an older state than this machine has seen: what was saved since
/// would be lost for good, and nobody would notice.
struct RolledBackRepository: Error, Hashable, Sendable, CustomStringConvertible {
  /// Who is refused.
  enum Occasion: Hashable, Sendable {
    /// A writable mount that a person wants.
    case mount
    /// A mount for git-remote-restic, and its commits.
    case push
    /// A commit of any other mount, which began before.
    case commit
  }

  /// What was seen.
  let rollback: Rollback
  let occasion: Occasion

  var description: String { "\(rollback.message); \(advice)" }

  private var advice: String {
    switch occasion {
    case .mount:
      """
      put the newer state back, look at this one with --read-only, or accept that the newer one is gone with \
      --accept-rollback
      """
    case .push:
      """
      put the newer state back, or accept that it is gone: \
      `git -c remote.NAME.resticAcceptRollback=true push` or, for any URL, \(Self.command)
      """
    case .commit:
      """
      nothing was saved, and what was written stays here; put the newer state back, or accept that it is gone with \
      \(Self.command), and save again
      """
    }
  }

  private static let command = "`restic-gitfs snapshots -r LOCATION --accept-rollback`"
}
