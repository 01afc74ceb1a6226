import Dispatch

@testable import ResticCore

/// A cache's disk that does not answer between `begin` and `end`.
final class BusyDisk: Sendable {
  private let cache: RepositoryCache
  private let isOver = DispatchSemaphore(value: 0)
  private let busy = Locked(0)

  /// As many calls of a cache as there can be at a time.
  private static let callCount = 4

  init(of cache: RepositoryCache) { self.cache = cache }

  /// Whether a call is still waiting for the disk.
  var isBusy: Bool { busy.withLock { $0 > 0 } }

  /// From now on whatever the cache does waits. Returns when that is so.
  func begin() async {
    for _ in 0..<Self.callCount {
      Task {
        _ = await cache.withFolder { _ in
          self.busy.withLock { $0 += 1 }
          self.isOver.wait()
          self.busy.withLock { $0 -= 1 }
        }
      }
    }
    while busy.withLock({ $0 < Self.callCount }) { await Task.yield() }
  }

  /// The disk answers again.
  func end() {
    for _ in 0..<Self.callCount { isOver.signal() }
  }
}
