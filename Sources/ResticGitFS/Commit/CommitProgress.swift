import ResticCore

/// How far a commit has come. Thread-safe; a leaf lock.
final class CommitProgress: Sendable {
  /// The figures at one moment.
  struct Figures: Hashable, Sendable, Codable {
    /// Files whose content is stored or on its way.
    var filesDone = 0
    /// Files whose content has to be stored.
    var filesTotal = 0
    /// Bytes of them that are stored or on their way.
    var bytesDone: UInt64 = 0
    /// Their sizes, added up.
    var bytesTotal: UInt64 = 0
  }

  private let state: Locked<Figures>

  /// The progress of a commit of this much.
  init(fileCount: Int, byteCount: UInt64) {
    state = Locked(Figures(filesTotal: fileCount, bytesTotal: byteCount))
  }

  /// The figures now.
  var figures: Figures { state.withLock { $0 } }

  /// Notes `byteCount` more bytes.
  func add(byteCount: UInt64) {
    state.withLock { $0.bytesDone += byteCount }
  }

  /// Notes one more file.
  func addFile() {
    state.withLock { $0.filesDone += 1 }
  }
}
