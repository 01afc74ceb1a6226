import Glibc
import Platform
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
  /// The refs to print.
  let selection: RefSelection
  /// The maximum number of moves to print; nil: all moves.
  let maxCount: Int?
  let isJSON: Bool
  /// Whether no progress is shown.
  let isQuiet: Bool
  /// Why there are no snapshots, if the repository has some.
  let absence: String?
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
    // A pager shows the moves as they are found, and has the terminal.
    let progress = ProgressLine(isQuiet: isQuiet || pager?.reader != nil)
    if isJSON { StandardStream.output.write("[") }
    let result: Result<Void, any Error>
    do {
      result = .success(try await print(to: pager, ancestry, progress, interruption))
    } catch {
      result = .failure(error)
    }
    progress.clear()
    if isJSON { StandardStream.output.write("]\n") }
    await pager?.end()
    await ancestry.end()
    await mounts.end()
    if interruption.isNoted.withLock({ $0 }) { throw CommandError.silent(.interrupted) }
    if let warning = ancestry.warning { context.warn(warning) }
    try result.get()
  }

  private func print(
    to pager: Pager?, _ ancestry: RefAncestry, _ progress: ProgressLine, _ interruption: Interruption
  ) async throws {
    if maxCount == 0 { return }
    var count = 0
    let end = try await history.forEach(where: selection.accepts) { done in
      progress.show(done, of: history.snapshots.count, "snapshots", as: "reading")
    } _: { entry in
      for move in entry.moves {
        // Another question would start git again, on a mount that is ending.
        if interruption.isNoted.withLock({ $0 }) { return false }
        let line = LogLine(saved: entry.saved, move: move, ancestry: try await ancestry.answer(for: move))
        progress.clear()
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
    guard end != .stopped else { return }
    if history.snapshots.isEmpty {
      let reason = absence ?? "the repository at \(place.location) has no snapshots"
      guard selection.isEverything else { throw CommandError(reason) }
      return context.warn(reason)
    }
    // A ref that no snapshot has moved is in the newest one.
    if !selection.isSatisfied { try await history.newestRefs().forEach { _ = selection.accepts($0) } }
    if let problem = selection.problem(isWhole: end == .everything) { throw CommandError(problem) }
    if count == 0, selection.isEverything, end == .everything {
      context.warn(
        try await history.newestRefs().isEmpty
          ? "no snapshot holds a git repository, so there are no refs"
          : "no snapshot that is left has moved a ref")
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
        // git has files of the mount open.
        RunningChildren.ofProcess.endPresent()
        await BlockingExecutor(threadCount: 1).run {
          reader?.cutOff()
          reader?.waitWithoutTaking()
        }
        await mounts.end()
        terminal.restore()
        RunningChildren.leave(ExitCode.interrupted.rawValue)
      }
    }
  }
}
