/// How far the loading of the index has come. Thread-safe; a leaf lock.
public final class LoadingProgress: Sendable {
  /// The figures at one moment.
  public struct Figures: Hashable, Sendable {
    /// Index files that were loaded.
    public var filesDone = 0
    /// Index files that the repository has and that had to be loaded.
    public var filesTotal = 0
    /// The bytes of the loaded index files.
    public var bytesDone: UInt64 = 0
    /// The bytes of all index files to load.
    public var bytesTotal: UInt64 = 0
  }

  private let state = Locked(Figures())

  /// Nothing is loaded.
  public init() {}

  /// The figures now.
  public var figures: Figures { state.withLock { $0 } }

  /// Adds `entries`, which are about to be loaded.
  func begin(_ entries: [BackendEntry]) {
    let byteCount = entries.reduce(0) { $0 + UInt64(max(0, $1.byteCount)) }
    state.withLock { $0 = Figures(filesTotal: entries.count, bytesTotal: byteCount) }
  }

  /// Counts `entry` as loaded.
  func add(_ entry: BackendEntry) {
    state.withLock { figures in
      figures.filesDone += 1
      figures.bytesDone += UInt64(max(0, entry.byteCount))
    }
  }
}
