import ResticCore

/// The progress of a commit. Thread-safe; a leaf lock.
final class CommitProgress: Sendable {
  /// The figures at one moment.
  struct Figures: Hashable, Sendable, Codable {
    /// Files whose content is stored or being stored.
    var filesDone = 0
    /// Files whose content has to be stored.
    var filesTotal = 0
    /// Bytes of these files that are stored or being stored.
    var bytesDone: UInt64 = 0
    /// The sum of their sizes.
    var bytesTotal: UInt64 = 0
  }

  private let state: Locked<Figures>

  /// The progress of a commit of this size.
  init(fileCount: Int, byteCount: UInt64) {
    state = Locked(Figures(filesTotal: fileCount, bytesTotal: byteCount))
  }

  /// The figures now.
  var figures: Figures { state.withLock { $0 } }

  /// Adds `byteCount` bytes.
  func add(byteCount: UInt64) {
    state.withLock { $0.bytesDone += byteCount }
  }

  /// Adds one file.
  func addFile() {
    state.withLock { $0.filesDone += 1 }
  }
}
