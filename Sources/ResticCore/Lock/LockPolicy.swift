/// The durations of the lock protocol. The defaults are restic's, and must be for both to share a repository; tests pass
/// others. Source: restic, internal/repository/lock.go and lock_file.go.
public struct LockPolicy: Hashable, Sendable {
  /// Between writing a lock and looking again for others.
  public var checkDelay = Duration.milliseconds(200)
  /// How often a lock is replaced by a fresh one.
  public var refreshInterval = Duration.seconds(5 * 60)
  /// After this long without a refresh we count our lock as lost: 7.5 minutes before others may call it stale.
  public var lossTimeout = Duration.seconds(22 * 60 + 30)
  /// After this long without a refresh a lock of somebody else's is stale.
  public var staleAfter = Duration.seconds(30 * 60)
  /// How long a stale lock is watched before it is removed: its owner, if there is one whose clock is wrong, replaces it
  /// once in this time.
  public var staleObservation = Duration.seconds(5 * 60)
  /// How often the refreshing task looks at the wall clock. Timers stand still while a machine sleeps, the clock does not.
  public var pollInterval = Duration.seconds(5)
  /// The first pause between two attempts; each is twice the one before, and varied by up to a half.
  public var firstRetryDelay = Duration.seconds(1)
  /// The longest pause between two attempts.
  public var longestRetryDelay = Duration.seconds(15)
  /// The pause before a lock that could not be read is tried again.
  public var settleDelay = Duration.seconds(5)

  /// restic's durations.
  public init() {}
}
