/// Hands out bytes at a steady rate, at most those of one second at a time.
///
/// A caller may take more than is there; all later callers wait until the debt is paid.
struct TokenBucket: Sendable {
  /// Bytes added in each second.
  private let rate: Double
  private var tokens: Double
  private var filledAt: ContinuousClock.Instant

  /// A full bucket for `bytesPerSecond`, which is positive.
  init(bytesPerSecond: Int, now: ContinuousClock.Instant = .now) {
    precondition(bytesPerSecond > 0, "nothing would ever move")
    rate = Double(bytesPerSecond)
    tokens = rate
    filledAt = now
  }

  /// How many of `byteCount` bytes may move now; takes that many.
  mutating func take(upTo byteCount: Int, at now: ContinuousClock.Instant = .now) -> Int {
    fill(at: now)
    let taken = min(byteCount, max(0, Int(tokens)))
    tokens -= Double(taken)
    return taken
  }

  /// Takes `byteCount` bytes, whether they are available or not.
  mutating func owe(_ byteCount: Int, at now: ContinuousClock.Instant = .now) {
    fill(at: now)
    tokens -= Double(byteCount)
  }

  /// How long until bytes may move again.
  mutating func delay(at now: ContinuousClock.Instant = .now) -> Duration {
    fill(at: now)
    return tokens >= 1 ? .zero : .seconds((1 - tokens) / rate)
  }

  private mutating func fill(at now: ContinuousClock.Instant) {
    let elapsed = filledAt.duration(to: now) / .seconds(1)
    guard elapsed > 0 else { return }
    tokens = min(rate, tokens + elapsed * rate)
    filledAt = now
  }
}
