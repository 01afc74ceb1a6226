import ResticCore

/// Prevents programs that sync the mount's root repeatedly, as databases do, from making a snapshot each time.
///
/// The first fsync commits at once. All others within `interval` after the beginning of a commit that made a snapshot
/// only request one more commit at the end of the interval. Thread-safe; a leaf lock.
final class FsyncLimit<C: Clock>: Sendable where C.Duration == Duration {
  /// What an fsync has to do.
  enum Answer: Hashable, Sendable {
    /// Commit now, and report to `end`.
    case commit
    /// Nothing: a commit will come.
    case comesLater
  }

  private struct State {
    /// When the last requested commit began; nil if it made no snapshot.
    var begin: C.Instant?
    /// Whether a commit at the end of the interval is scheduled.
    var isScheduled = false
  }

  private let interval: Duration
  private let clock: C
  private let commit: @Sendable () async -> Bool
  private let state = Locked(State())

  /// A limit of one snapshot in `interval`. `commit` makes the commit at the end of an interval, and returns whether
  /// there was something to save.
  init(interval: Duration, clock: C, commit: @escaping @Sendable () async -> Bool) {
    self.interval = interval
    self.clock = clock
    self.commit = commit
  }

  /// An fsync begins.
  func begin() -> Answer {
    let now = clock.now
    let (answer, wakeUp): (Answer, C.Instant?) = state.withLock { state in
      guard let begin = state.begin, begin.duration(to: now) < interval else {
        state.begin = now
        return (.commit, nil)
      }
      defer { state.isScheduled = true }
      return (.comesLater, state.isScheduled ? nil : begin.advanced(by: interval))
    }
    if let wakeUp { schedule(at: wakeUp) }
    return answer
  }

  /// The commit that `begin` requested has ended.
  func end(madeSnapshot: Bool) {
    if !madeSnapshot { state.withLock { $0.begin = nil } }
  }

  private func schedule(at time: C.Instant) {
    Task {
      // Never cancelled: the end of the mount commits itself.
      try? await clock.sleep(until: time, tolerance: nil)
      state.withLock { state in
        state.begin = clock.now
        state.isScheduled = false
      }
      end(madeSnapshot: await commit())
    }
  }
}
