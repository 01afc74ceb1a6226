/// The two times that locks need: one to wait with, and the wall's, which goes on while a machine sleeps and which the
/// locks of all clients are compared by.
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

  /// The machine's.
  public static let system = LockClock(ContinuousClock()) { Timestamp.now() }

  /// Waits. Throws `.cancelled` when the task is cancelled.
  func sleep(for duration: Duration) async throws(RepositoryError) {
    do {
      try await clock.sleep(for: duration)
    } catch {
      throw .cancelled
    }
  }

  /// How long it is since this was called: the longer of what the two clocks say, for one of them stops while the machine
  /// sleeps and the other can be set back.
  func stopwatch() -> @Sendable () -> Duration {
    let elapsed = Self.stopwatch(of: clock)
    let start = wallTime()
    return { [wallTime] in max(elapsed(), start.duration(to: wallTime())) }
  }

  /// How long it is since this was called, by the clock alone: no leap of the wall clock makes it longer.
  func timer() -> @Sendable () -> Duration {
    Self.stopwatch(of: clock)
  }

  private static func stopwatch<C: Clock>(of clock: C) -> @Sendable () -> Duration where C.Duration == Duration {
    let start = clock.now
    return { start.duration(to: clock.now) }
  }
}

extension Timestamp {
  /// The time from this instant to `other`; negative if that is earlier.
  func duration(to other: Timestamp) -> Duration {
    .seconds(other.seconds &- seconds) + .nanoseconds(Int64(other.nanoseconds) - Int64(nanoseconds))
  }
}
