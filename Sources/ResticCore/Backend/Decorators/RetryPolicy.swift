/// How often and for how long a failed call is repeated: delays grow by a factor, and each one is varied at random.
///
/// The defaults are those of restic since 0.17: a second, twice as long each time, at most a minute, for 15 minutes in all.
/// Source: restic, internal/backend/retry.
public struct RetryPolicy: Hashable, Sendable {
  /// The delay before the first retry.
  public var firstDelay: Duration
  /// The factor by which each delay is longer than the one before.
  public var factor: Double
  /// The longest delay, before random variation.
  public var longestDelay: Duration
  /// A delay is drawn evenly from 1 ± this much of its length, so that clients that failed together do not retry
  /// together. 0 ... 1.
  public var jitter: Double
  /// No retry begins later than this after the call began, except the first one, which is always made.
  public var timeLimit: Duration
  /// The same limit for a storage that was never reached: a person who mistypes a host or is offline should learn it
  /// soon.
  public var contactLimit: Duration

  /// A policy.
  public init(
    firstDelay: Duration = .seconds(1), factor: Double = 2, longestDelay: Duration = .seconds(60),
    jitter: Double = 0.5, timeLimit: Duration = .seconds(15 * 60), contactLimit: Duration = .seconds(5)
  ) {
    precondition(firstDelay >= .zero && factor >= 1 && (0...1).contains(jitter), "delays are not negative")
    self.firstDelay = firstDelay
    self.factor = factor
    self.longestDelay = longestDelay
    self.jitter = jitter
    self.timeLimit = timeLimit
    self.contactLimit = contactLimit
  }

  /// The delay that follows `delay`, before chance.
  func delay(after delay: Duration) -> Duration {
    min(delay * factor, longestDelay)
  }

  /// `delay`, varied at random.
  func varied(_ delay: Duration) -> Duration {
    delay * Double.random(in: (1 - jitter)...(1 + jitter))
  }
}
