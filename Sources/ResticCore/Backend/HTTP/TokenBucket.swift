/// Hands out bytes at a steady rate, those of one second at a time at most.
///
/// Whoever takes what is not there makes debts, which all who come later wait for.
struct TokenBucket: Sendable {
  /// Bytes that come in each second.
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

  /// How many of `byteCount` bytes may move now; they are taken.
  mutating func take(upTo byteCount: Int, at now: ContinuousClock.Instant = .now) -> Int {
    fill(at: now)
    let taken = min(byteCount, max(0, Int(tokens)))
    tokens -= Double(taken)
    return taken
  }

  /// Takes `byteCount` bytes, whether they are there or not.
  mutating func owe(_ byteCount: Int, at now: ContinuousClock.Instant = .now) {
    fill(at: now)
    tokens -= Double(byteCount)
  }

  /// How long it is until something may move.
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
