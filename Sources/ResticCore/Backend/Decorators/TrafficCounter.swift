/// Counts the traffic between this process and a storage, and the traffic that the cache saves. Thread-safe; a leaf
/// lock.
public final class TrafficCounter: Sendable {
  /// The figures at one moment.
  public struct Figures: Hashable, Sendable {
    /// Bytes of files that were stored, counted when the storage has them.
    public var sentByteCount: UInt64 = 0
    /// Bytes of files that were loaded.
    public var receivedByteCount: UInt64 = 0
    /// Loads that the cache on this machine's disk answered.
    public var cacheHits: UInt64 = 0
    /// Loads that the cache could have answered, but that went to the storage.
    public var cacheMisses: UInt64 = 0
  }

  private let state = Locked(Figures())

  /// Nothing counted yet.
  public init() {}

  /// The figures now.
  public var figures: Figures { state.withLock { $0 } }

  /// Counts a file that the storage has taken.
  func addSent(byteCount: Int) { state.withLock { $0.sentByteCount += UInt64(byteCount) } }

  /// Counts bytes that the storage has sent.
  func addReceived(byteCount: Int) { state.withLock { $0.receivedByteCount += UInt64(byteCount) } }

  /// Counts a load of a file that the cache keeps.
  func addCached(isHit: Bool) {
    state.withLock { figures in
      if isHit { figures.cacheHits += 1 } else { figures.cacheMisses += 1 }
    }
  }
}
