internal import Logging
import SystemPackage

/// What this machine has seen of one repository, in this process and in those before: `SeenSnapshots`, in a file where there
/// is a place for one.
///
/// 1. Nothing that is wrong with the file is ever an error. A folder that cannot be used is told by one warning; from then on
///    this process remembers in memory only.
/// 2. A file that is not this repository's, was forged or cut off is told by one warning, and counts as none.
/// 3. No call of the system's is made on Swift's own threads.
///
/// Lock order: `state` is a leaf.
public final class SeenMemory: Sendable {
  private struct State {
    /// As it was when the file was last read or written.
    var known = SeenSnapshots()
    /// Whether the file can be used, as far as anybody knows.
    var hasFile: Bool
    var isTold = false
  }

  private let file: SeenSnapshotsFile?
  private let executor = BlockingExecutor(threadCount: 1)
  private let state: Locked<State>
  private let logger: Logger

  /// The memory in `file`; nil: in this process only.
  init(_ file: SeenSnapshotsFile?, logger: Logger) {
    self.file = file
    state = Locked(State(hasFile: file != nil))
    self.logger = logger
  }

  /// What was seen.
  public func current() async -> SeenSnapshots {
    let content = await run { file throws(Errno) in try file.load() }
    switch content {
    case nil: break
    case .missing: state.withLock { $0.known = SeenSnapshots() }
    case .valid(let seen): state.withLock { $0.known = seen }
    case .invalid:
      tell("what this machine has seen of the repository cannot be read in \(file?.folder.string ?? "") and is ignored")
      state.withLock { $0.known = SeenSnapshots() }
    }
    return state.withLock { $0.known }
  }

  /// Changes what was seen. `change` may be called again, and with what other processes have noted meanwhile.
  public func update(_ change: @escaping @Sendable (inout SeenSnapshots) -> Void) async {
    let updated = await run { file throws(Errno) in try file.update(change) }
    state.withLock { state in
      if let updated { state.known = updated } else { change(&state.known) }
    }
  }

  /// What `body` makes of the file; nil where there is none, or it cannot be used.
  private func run<Success: Sendable>(
    _ body: @escaping @Sendable (SeenSnapshotsFile) throws(Errno) -> Success
  ) async -> Success? {
    guard let file, state.withLock({ $0.hasFile }) else { return nil }
    do throws(Errno) {
      return try await executor.run { () throws(Errno) in try body(file) }
    } catch {
      state.withLock { $0.hasFile = false }
      tell(
        """
        what this machine has seen of the repository cannot be kept in \(file.folder): \(error); an older state of the \
        storage may not be noticed
        """)
      return nil
    }
  }

  private func tell(_ message: String) {
    let isNews = state.withLock { state in
      defer { state.isTold = true }
      return !state.isTold
    }
    if isNews { logger.warning("\(message)") }
  }
}
