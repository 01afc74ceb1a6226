/// The durations of the lock protocol. Those that restic has too default to restic's values, which both must use to
/// share a repository; tests pass others.
/// Source: restic, internal/repository/lock.go and lock_file.go.
public struct LockPolicy: Hashable, Sendable {
  /// Between writing a lock and looking again for others (`sharedCheckDelay`).
  public var checkDelay = Duration.milliseconds(200)
  /// How often a lock is replaced by a fresh one.
  public var refreshInterval = Duration.seconds(5 * 60)
  /// After this long without a refresh, this client considers its own lock lost: 7.5 minutes before others may call it
  /// stale.
  public var lossTimeout = Duration.seconds(22 * 60 + 30)
  /// After this long without a refresh, another client's lock is stale.
  public var staleAfter = Duration.seconds(30 * 60)
  /// How long a stale lock is watched before it is removed: an owner that still lives, but whose clock is wrong,
  /// replaces the lock once in this time.
  public var staleObservation = Duration.seconds(5 * 60)
  /// How often the refreshing task checks the wall clock. Timers stop while a machine sleeps; the wall clock does not.
  public var pollInterval = Duration.seconds(5)
  /// The first pause between two attempts; each pause is twice the one before, varied by up to a half.
  public var firstRetryDelay = Duration.seconds(1)
  /// The longest pause between two attempts.
  public var longestRetryDelay = Duration.seconds(15)
  /// The pause before reading a lock again that could not be read.
  public var settleDelay = Duration.seconds(5)
  /// The durations that only the commit lock has.
  public var commit = Commit()

  /// restic's durations.
  public init() {}

  /// How long to wait between writing a shared lock or a commit lock and looking again: `checkDelay`, or no time if no
  /// file can turn up late.
  ///
  /// Both owners of two conflicting locks look for other locks after writing their own. So if listings are immediate,
  /// one of them sees the lock that was written first, however long either waits. A client that wants an exclusive lock
  /// waits in any case, because earlier versions of this program read for that long without a lock.
  func sharedCheckDelay(on backend: any Backend) async -> Duration {
    await backend.listingsAreImmediate(of: .lock) ? .zero : checkDelay
  }

  /// The durations of the commit lock. `lossTimeout` is shorter than `deadAfter` by more than the time that clocks
  /// drift apart and that saving a snapshot takes; all clients of a repository must agree on the durations.
  public struct Commit: Hashable, Sendable {
    /// How often the file is replaced by a new one, and how long the old file stays beside the new one.
    public var refreshInterval = Duration.seconds(30)
    /// After this long without a refresh, this client's lock is lost for good.
    public var lossTimeout = Duration.seconds(90)
    /// A holder that has not replaced its file for this long, by the clock of the waiting client, is dead.
    public var deadAfter = Duration.seconds(120)
    /// The first pause between two attempts; each pause is twice the one before, varied by up to a half.
    public var firstRetryDelay = Duration.milliseconds(250)
    /// The longest pause between two attempts, and so how often a holder is checked.
    public var longestRetryDelay = Duration.seconds(5)
    /// How long the first in line keeps its file while the others, who give way, remove theirs.
    public var stayLimit = Duration.seconds(10)

    /// The durations that all clients use.
    public init() {}
  }
}
