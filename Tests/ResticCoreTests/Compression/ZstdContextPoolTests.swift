import Synchronization
import Testing

@testable import ResticCore

@Suite("ZstdContextPool")
struct ZstdContextPoolTests {
  /// Counts contexts made and freed; the contexts are numbers in disguise and never looked into.
  final class Counter: Sendable {
    let made = Mutex(0)
    let freed = Mutex(0)

    func pool(capacity: Int) -> ZstdContextPool {
      ZstdContextPool(
        capacity: capacity,
        make: {
          self.made.withLock {
            $0 += 1
            return OpaquePointer(bitPattern: $0)
          }
        },
        free: { _ in self.freed.withLock { $0 += 1 } })
    }
  }

  @Test("consecutive calls use one context")
  func reuse() {
    let counter = Counter()
    let pool = counter.pool(capacity: 2)
    for _ in 0..<10 { #expect(pool.withContext { Int(bitPattern: $0) } == 1) }
    #expect(pool.idleCount == 1)
    #expect(counter.made.withLock { $0 } == 1)
  }

  @Test("simultaneous calls get different contexts, and the pool keeps as many as its capacity")
  func nested() {
    let counter = Counter()
    let pool = counter.pool(capacity: 2)
    pool.withContext { first in
      pool.withContext { second in
        pool.withContext { third in
          #expect(Set([first, second, third]).count == 3)
        }
      }
    }
    #expect(pool.idleCount == 2)
    #expect(counter.freed.withLock { $0 } == 1)
  }

  @Test("the pool frees its contexts at its end")
  func end() {
    let counter = Counter()
    do {
      let pool = counter.pool(capacity: 4)
      pool.withContext { _ in pool.withContext { _ in } }
    }
    #expect(counter.freed.withLock { $0 } == 2)
  }
}
