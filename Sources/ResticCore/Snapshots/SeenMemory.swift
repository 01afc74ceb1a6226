internal import Logging
import SystemPackage

/// What this machine has seen of one repository, in this process and in earlier ones: `SeenSnapshots`, in a file if
/// there is a folder for it.
///
/// 1. A problem with the file is never an error. If the folder cannot be used, the log has one warning, and from then
///    on this process remembers in memory only.
/// 2. If the file belongs to another repository, was forged or is cut off, the log has one warning, and the file counts
///    as empty.
/// 3. No system call is made on Swift's own threads.
///
/// Lock order: `state` is a leaf.
public final class SeenMemory: Sendable {
  private struct State {
    /// The value when the file was last read or written.
    var known = SeenSnapshots()
    /// Whether the file can be used, as far as this process knows.
    var hasFile: Bool
    var isTold = false
  }

  private let file: SeenSnapshotsFile?
  private let executor = BlockingExecutor(threadCount: 1)
  private let state: Locked<State>
  private let logger: Logger

  /// Creates a memory in `file`; nil: in this process only.
  init(_ file: SeenSnapshotsFile?, logger: Logger) {
    self.file = file
    state = Locked(State(hasFile: file != nil))
    self.logger = logger
  }

  /// What this machine has seen so far.
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

  /// Applies `change`. `change` may be called again, with what other processes have noted meanwhile.
  public func update(_ change: @escaping @Sendable (inout SeenSnapshots) -> Void) async {
    let updated = await run { file throws(Errno) in try file.update(change) }
    state.withLock { state in
      if let updated { state.known = updated } else { change(&state.known) }
    }
  }

  /// Runs `body` on the file. Returns its result; nil if there is no file, or if the file cannot be used.
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
