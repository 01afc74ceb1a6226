/// Lets tasks through at a rate of bytes, in order of arrival. `bucket` is a leaf lock.
final class RateGate: Sendable {
  private let bucket: Locked<TokenBucket>
  private let clock: any Clock<Duration>
  /// The time since the gate was made, by `clock`.
  private let elapsed: @Sendable () -> Duration
  private let start = ContinuousClock.now

  /// A gate for `bytesPerSecond`, which is positive.
  init(bytesPerSecond: Int, clock: any Clock<Duration>) {
    bucket = Locked(TokenBucket(bytesPerSecond: bytesPerSecond, now: start))
    self.clock = clock
    elapsed = Self.stopwatch(of: clock)
  }

  /// Waits until the bytes of all earlier tasks are paid for; the next task waits for `byteCount`. Returns false,
  /// without cost, if the task is cancelled while it has to wait.
  func pass(_ byteCount: Int) async -> Bool {
    let delay = bucket.withLock { bucket in
      let delay = bucket.delay(at: now)
      bucket.owe(byteCount, at: now)
      return delay
    }
    guard delay > .zero else { return true }
    do {
      try await clock.sleep(for: delay)
      return true
    } catch {
      count(-byteCount)
      return false
    }
  }

  /// Lets `byteCount` bytes through at once; the next task waits for them.
  func count(_ byteCount: Int) {
    bucket.withLock { $0.owe(byteCount, at: now) }
  }

  private var now: ContinuousClock.Instant { start.advanced(by: elapsed()) }

  private static func stopwatch<C: Clock>(of clock: C) -> @Sendable () -> Duration where C.Duration == Duration {
    let start = clock.now
    return { start.duration(to: clock.now) }
  }
}
