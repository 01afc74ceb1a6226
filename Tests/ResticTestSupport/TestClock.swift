import Synchronization

/// A clock that stands still until a test moves it; for retries, time limits and locks.
///
/// Two times move together with `advance`: the clock's own, which `sleep` waits for, and `wallTime`. `suspend` moves the
/// wall time alone, as a laptop with its lid closed does.
public final class TestClock: Clock {
  /// A time since the clock was made.
  public struct Instant: InstantProtocol {
    let offset: Duration

    /// The instant `duration` later.
    public func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
    /// The time from this instant to `other`; negative if `other` is earlier.
    public func duration(to other: Instant) -> Duration { other.offset - offset }
    /// Whether `left` is earlier.
    public static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
  }

  private struct Sleeper {
    let ticket: Int
    let deadline: Instant
    let continuation: CheckedContinuation<Bool, Never>
  }

  private struct State {
    var now = Instant(offset: .zero)
    var wallTime: Duration
    var lastTicket = 0
    var sleepers: [Sleeper] = []
    var sleeps: [Duration] = []
  }

  private let state: Mutex<State>
  private let advancesOnSleep: Bool

  /// A clock whose wall shows `wallTime` since 1970. With `advancesOnSleep` a sleep moves the clock to its
  /// own end and returns.
  public init(wallTime: Duration = .seconds(1_700_000_000), advancesOnSleep: Bool = false) {
    state = Mutex(State(wallTime: wallTime))
    self.advancesOnSleep = advancesOnSleep
  }

  /// The time to which the test has moved the clock.
  public var now: Instant { state.withLock { $0.now } }
  /// Zero: the clock is exact.
  public var minimumResolution: Duration { .zero }

  /// The time since 1970.
  public var wallTime: Duration { state.withLock { $0.wallTime } }

  /// How many tasks are asleep now.
  public var sleeperCount: Int { state.withLock { $0.sleepers.count } }

  /// The length of every sleep so far, in the order in which they began.
  public var sleeps: [Duration] { state.withLock { $0.sleeps } }

  /// Moves both times on and wakes the sleepers that are due, the earliest first.
  public func advance(by duration: Duration) {
    let due = state.withLock { state in
      state.now = state.now.advanced(by: duration)
      state.wallTime += duration
      let due = state.sleepers.filter { $0.deadline <= state.now }
      state.sleepers.removeAll { $0.deadline <= state.now }
      return due.sorted { ($0.deadline, $0.ticket) < ($1.deadline, $1.ticket) }
    }
    for sleeper in due {
      sleeper.continuation.resume(returning: true)
    }
  }

  /// Moves the wall time on, and not the clock.
  public func suspend(for duration: Duration) {
    state.withLock { $0.wallTime += duration }
  }

  /// Waits until at least `count` tasks are asleep. False when that has not happened after `limit` of real time.
  public func waitForSleepers(_ count: Int = 1, limit: Duration = .seconds(300)) async -> Bool {
    do {
      try await waitUntil(limit) { sleeperCount >= count }
      return true
    } catch {
      return false
    }
  }

  /// Returns once the test has moved the clock to `deadline`, at once with `advancesOnSleep`. Throws if the task is
  /// cancelled.
  public func sleep(until deadline: Instant, tolerance: Duration?) async throws {
    try Task.checkCancellation()
    let ticket = state.withLock { state in
      state.sleeps.append(state.now.duration(to: deadline))
      state.lastTicket += 1
      return state.lastTicket
    }
    if advancesOnSleep {
      advance(by: max(.zero, now.duration(to: deadline)))
      return
    }
    let isDue = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let answer: Bool? = state.withLock { state in
          if Task.isCancelled { return false }
          if deadline <= state.now { return true }
          state.sleepers.append(Sleeper(ticket: ticket, deadline: deadline, continuation: continuation))
          return nil
        }
        if let answer { continuation.resume(returning: answer) }
      }
    } onCancel: {
      let cancelled = state.withLock { state in
        state.sleepers.firstIndex { $0.ticket == ticket }.map { state.sleepers.remove(at: $0) }
      }
      cancelled?.continuation.resume(returning: false)
    }
    if !isDue { throw CancellationError() }
  }
}
