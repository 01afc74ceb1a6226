import Glibc
import ResticCore

/// Prints moves of refs as they are found: in a pager, directly, or as JSON.
///
/// A signal ends the printing at once. Two things must not stay behind: the pager, which uses the terminal until the
/// user quits it, and the private mount on which git detects forced moves.
struct LogPrinting {
  /// The history to search for moves.
  let history: RefHistory
  /// The mounts of this command. The first one is made when a move needs it.
  let mounts: ServedMounts
  /// Where the repository is, and whether it is mounted.
  let place: LogPlace
  /// Selects the snapshots of the mount.
  let filter: SnapshotFilter
  /// The refs to print; empty: all refs.
  let refs: [String]
  /// The git repository to print; nil: all git repositories.
  let folder: [Name]?
  /// The maximum number of moves to print; nil: all moves.
  let maxCount: Int?
  let isJSON: Bool
  let context: CommandContext

  /// Whether a signal has come. Printing checks it at its end, and then ends the command as interrupted.
  private final class Interruption: Sendable {
    let isNoted = Locked(false)
  }

  /// Prints until all moves are printed or the reader is gone.
  func run() async throws {
    let pager = isJSON ? nil : Pager.start()
    let interruption = Interruption()
    endOnSignal(pager?.reader, interruption)
    let ancestry = RefAncestry { folder in try await git(for: folder) }
    if isJSON { StandardStream.output.write("[") }
    do {
      try await print(to: pager, ancestry)
    } catch {
      await end(pager)
      throw error
    }
    await end(pager)
    if interruption.isNoted.withLock({ $0 }) { throw CommandError.silent(.interrupted) }
    if let warning = ancestry.warning { context.warn(warning) }
  }

  private func end(_ pager: Pager?) async {
    if isJSON { StandardStream.output.write("]\n") }
    await pager?.end()
    await mounts.end()
  }

  private func print(to pager: Pager?, _ ancestry: RefAncestry) async throws {
    if maxCount == 0 { return }
    var count = 0
    try await history.forEach { move in
      (refs.isEmpty || refs.contains { move.isNamed($0) }) && (folder == nil || folder == move.repository)
    } _: { entry in
      for move in entry.moves {
        let line = LogLine(saved: entry.saved, move: move, ancestry: try await ancestry.answer(for: move))
        if let pager {
          await pager.write(line.text + "\n")
        } else {
          StandardStream.output.write((count > 0 ? "," : "") + line.json)
        }
        count += 1
        if count == maxCount { return false }
      }
      return pager?.isClosed != true
    }
  }

  /// git for the newest state of the repository in `folder`: on the mount that was named, or on a private one.
  private func git(for folder: [Name]) async throws -> RepositoryGit {
    if let mount = place.mount { return RepositoryGit(folder: RepositoryGit.path(mount.path, folder)) }
    let mount: ServedMount
    if let first = mounts.first {
      mount = first
    } else {
      var configuration = ServedMount.configuration(
        .fixed(.newest(filter), folder: []), of: [], named: "\(place.location)", retryLock: .zero)
      // A mount that is only read does not wait for other clients' locks.
      configuration.takesLock = false
      mount = try await mounts.start(configuration)
    }
    return try await mount.git(for: folder)
  }

  private func endOnSignal(_ reader: PagerReader?, _ interruption: Interruption) {
    context.signals.onSignal { [mounts, terminal = context.terminal] _ in
      interruption.isNoted.withLock { $0 = true }
      // The search for more moves is not waited for.
      Task {
        await BlockingExecutor(threadCount: 1).run {
          reader?.cutOff()
          reader?.waitWithoutTaking()
        }
        await mounts.end()
        terminal.restore()
        _exit(ExitCode.interrupted.rawValue)
      }
    }
  }
}
