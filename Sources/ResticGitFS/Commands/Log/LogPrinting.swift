import Glibc
import ResticCore

/// Prints moves of refs as they are found: in a pager, straight on, or as JSON.
///
/// A signal ends it at once. Two things must not stay behind: the pager, which has the terminal until its user leaves it, and the
/// private mount on which git tells forced moves.
struct LogPrinting {
  /// Where the moves are found.
  let history: RefHistory
  /// The mounts of this command; none before a move needs one.
  let mounts: ServedMounts
  /// Where the repository is, and whether it is mounted.
  let place: LogPlace
  /// Which snapshots are of the mount.
  let filter: SnapshotFilter
  /// Which refs to print; empty: all.
  let refs: [String]
  /// Which git repository; nil: all.
  let folder: [Name]?
  /// How many moves to print at most; nil: all.
  let maxCount: Int?
  let isJSON: Bool
  let context: CommandContext

  /// Whether a signal has come: whoever is first at the end says so.
  private final class Interruption: Sendable {
    let isNoted = Locked(false)
  }

  /// Prints until there is no more to print, or nobody reads it.
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
      // Who only looks waits for nobody.
      configuration.takesLock = false
      mount = try await mounts.start(configuration)
    }
    return try await mount.git(for: folder)
  }

  private func endOnSignal(_ reader: PagerReader?, _ interruption: Interruption) {
    context.signals.onSignal { [mounts, terminal = context.terminal] _ in
      interruption.isNoted.withLock { $0 = true }
      // Nobody waits for the end of what is being looked for.
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
