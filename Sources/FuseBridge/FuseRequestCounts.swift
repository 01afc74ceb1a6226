internal import Synchronization

/// How many requests of each kind have arrived. Any number of threads may count at the same time, and none waits.
public final class FuseRequestCounts: Sendable {
  /// One counter for each kind, at the index of the kind's raw value. Allocated once and freed at the end, because an
  /// array cannot hold atomics.
  private nonisolated(unsafe) let counters: UnsafeMutablePointer<Atomic<UInt64>>

  /// All counters start at 0.
  public init() {
    let count = FuseRequestKind.allCases.count
    counters = .allocate(capacity: count)
    for index in 0..<count { (counters + index).initialize(to: Atomic(0)) }
  }

  deinit {
    counters.deinitialize(count: FuseRequestKind.allCases.count)
    counters.deallocate()
  }

  /// Counts one request.
  func add(_ kind: FuseRequestKind) {
    counters[kind.rawValue].wrappingAdd(1, ordering: .relaxed)
  }

  /// How many requests have arrived so far; a kind that has not arrived counts 0.
  public var figures: [FuseRequestKind: UInt64] {
    Dictionary(
      uniqueKeysWithValues: FuseRequestKind.allCases.map { kind in
        (kind, counters[kind.rawValue].load(ordering: .relaxed))
      })
  }
}
