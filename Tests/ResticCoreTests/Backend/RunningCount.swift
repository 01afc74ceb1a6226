import Synchronization

/// How many calls are under way, and how many were at most.
final class RunningCount: Sendable {
  private let counts = Mutex((current: 0, highest: 0))

  var current: Int { counts.withLock { $0.current } }
  var highest: Int { counts.withLock { $0.highest } }

  func enter() {
    counts.withLock { counts in
      counts.current += 1
      counts.highest = max(counts.highest, counts.current)
    }
  }

  func leave() {
    counts.withLock { $0.current -= 1 }
  }
}
