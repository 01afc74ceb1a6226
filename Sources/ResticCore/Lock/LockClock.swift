/// The two clocks that locks need: one for waiting, and the wall clock, which goes on while a machine sleeps and by
/// which the locks of all clients are compared.
public struct LockClock: Sendable {
  /// Measures and sleeps.
  let clock: any Clock<Duration>
  /// The time of day.
  public let wallTime: @Sendable () -> Timestamp

  /// `clock` to wait with, `wallTime` to write into locks.
  public init(_ clock: any Clock<Duration>, wallTime: @escaping @Sendable () -> Timestamp) {
    self.clock = clock
    self.wallTime = wallTime
  }

  /// The machine's clocks.
  public static let system = LockClock(ContinuousClock()) { Timestamp.now() }

  /// Waits. Throws `.cancelled` when the task is cancelled.
  func sleep(for duration: Duration) async throws(RepositoryError) {
    do {
      try await clock.sleep(for: duration)
    } catch {
      throw .cancelled
    }
  }

  /// A function that returns the time since this call: the longer of the times on the two clocks, because one clock
  /// stops while the machine sleeps and the other can be set back.
  func stopwatch() -> @Sendable () -> Duration {
    let elapsed = Self.stopwatch(of: clock)
    let start = wallTime()
    return { [wallTime] in max(elapsed(), start.duration(to: wallTime())) }
  }

  /// A function that returns the time since this call, by `clock` only: a jump of the wall clock does not change it.
  func timer() -> @Sendable () -> Duration {
    Self.stopwatch(of: clock)
  }

  private static func stopwatch<C: Clock>(of clock: C) -> @Sendable () -> Duration where C.Duration == Duration {
    let start = clock.now
    return { start.duration(to: clock.now) }
  }
}

extension Timestamp {
  /// The time from this instant to `other`; negative if `other` is earlier.
  func duration(to other: Timestamp) -> Duration {
    .seconds(other.seconds &- seconds) + .nanoseconds(Int64(other.nanoseconds) - Int64(nanoseconds))
  }
}
