/// The durations of the lock protocol. Where restic has the like, the defaults are restic's, and must be for both to share
/// a repository; tests pass others. Source: restic, internal/repository/lock.go and lock_file.go.
public struct LockPolicy: Hashable, Sendable {
  /// Between writing a lock and looking again for others (`sharedCheckDelay`).
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
  /// What the commit lock has of its own.
  public var commit = Commit()

  /// restic's durations.
  public init() {}

  /// How long to wait between writing a shared lock or a commit lock and looking again: `checkDelay`, or not at all where
  /// nothing can turn up late.
  ///
  /// Two locks that exclude each other are both looked for after both were written. So where listings are immediate, the
  /// one that was written first is seen by the other's owner, however long anybody waits. Who wants an exclusive lock
  /// waits all the same: earlier versions of this program read without a lock for as long.
  func sharedCheckDelay(on backend: any Backend) async -> Duration {
    await backend.listingsAreImmediate(of: .lock) ? .zero : checkDelay
  }

  /// The durations of the commit lock. `lossTimeout` is shorter than `deadAfter` by more than clocks drift apart and a
  /// snapshot takes to be saved; all clients of a repository must agree on them.
  public struct Commit: Hashable, Sendable {
    /// How often the file is replaced by a fresh one, and how long the one it replaces stays beside it.
    public var refreshInterval = Duration.seconds(30)
    /// After this long without a refresh our lock is lost for good.
    public var lossTimeout = Duration.seconds(90)
    /// A holder that has not replaced its file for this long, by the clock of the one who waits, is dead.
    public var deadAfter = Duration.seconds(120)
    /// The first pause between two attempts; each is twice the one before, and varied by up to a half.
    public var firstRetryDelay = Duration.milliseconds(250)
    /// The longest pause between two attempts: how often a holder is looked at.
    public var longestRetryDelay = Duration.seconds(5)
    /// How long the first in line leaves its file in place while others, who give way, take theirs back.
    public var stayLimit = Duration.seconds(10)

    /// The durations that all clients use.
    public init() {}
  }
}
