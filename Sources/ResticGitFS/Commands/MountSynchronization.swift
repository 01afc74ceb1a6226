import ResticCore
import SystemPackage

/// Makes a mount commit, shows the progress, and returns the result.
struct MountSynchronization: Sendable {
  /// The result.
  struct Result: Hashable, Sendable {
    /// The snapshot that holds the mount's content; nil if nothing was ever saved.
    let snapshot: String?
    /// Whether that is another one than before: of this mount, or of another client.
    let changed: Bool
    /// Whether this commit made it.
    let saved: Bool
    /// The conflicts, if others had changed the same refs or files.
    let conflict: String?
    /// Further facts for a person, one line each.
    let warnings: [String]
  }

  private static let pollInterval = Duration.milliseconds(250)
  private static let refreshInterval = Duration.milliseconds(2)
  /// How long the kernel may take to forget the old state.
  private static let refreshLimit = Duration.seconds(5)

  let mount: MountedDirectory
  /// Whether this process's mount was unmounted, and `mount` is its copy in another mount namespace.
  var isUnmounted = false
  /// Where progress is shown.
  let progress: ProgressLine
  /// Shows what is waited for.
  let waiting: WaitingLine

  /// Commits and waits. If that fails, throws a `CommandError` with the mount's own message and exit code; nothing is
  /// lost then, and the mount stays.
  func run() async throws -> Result {
    let before = try mount.status()
    let executor = BlockingExecutor(threadCount: 2)
    let failure: Errno? = await withTaskGroup(of: Void.self) { group in
      group.addTask { await poll(on: executor) }
      let mount = mount
      let failure: Errno? = await executor.run {
        do throws(Errno) {
          try mount.synchronize()
          return nil
        } catch {
          return error
        }
      }
      group.cancelAll()
      return failure
    }
    progress.clear()

    let after = try await statusOnceRefreshed()
    if let failure { throw Self.error(failure, after, isUnmounted: isUnmounted) }
    let last = after.lastCommit?.time == before.lastCommit?.time ? nil : after.lastCommit
    return Result(
      snapshot: after.snapshot, changed: after.snapshot != before.snapshot, saved: last?.saved == true,
      conflict: last?.conflict == true ? last?.message ?? "" : nil, warnings: Self.warnings(after))
  }

  private static func warnings(_ status: MountStatus) -> [String] {
    let failure = status.refreshError.map { "cannot look for newer snapshots: \($0.message)" }
    return [failure, status.rollback?.message, status.ahead?.message].compactMap(\.self)
  }

  /// The status after the kernel has forgotten the old state, or after `refreshLimit`. The commit is answered before
  /// the kernel is done.
  private func statusOnceRefreshed() async throws -> MountStatus {
    let end = ContinuousClock.now.advanced(by: Self.refreshLimit)
    while true {
      let status = try mount.status()
      guard status.refreshing == true, .now < end else { return status }
      try await Task.sleep(for: Self.refreshInterval)
    }
  }

  /// Shows the mount's progress until the task is cancelled. Reading the status blocks, so it has a thread of its own.
  private func poll(on executor: BlockingExecutor) async {
    let mount = mount
    while !Task.isCancelled {
      do {
        try await Task.sleep(for: Self.pollInterval)
        let status = try await executor.run { try mount.status() }
        guard !Task.isCancelled else { return }
        if let now = status.progress { progress.show(now) }
        waiting.show(status.waiting) { progress.clear() }
      } catch {
        // Cancelled, or the mount does not answer: the commit itself returns the outcome.
        return
      }
    }
  }

  /// The message for a commit that failed with `failure`; `status` is the mount's status afterwards.
  static func error(_ failure: Errno, _ status: MountStatus, isUnmounted: Bool) -> CommandError {
    let outcome =
      isUnmounted
      ? "it is unmounted here, and process \(status.pid) goes on until the mount ends in another mount namespace"
      : "it stays mounted"
    guard let last = status.lastError else {
      return CommandError("\(status.mountpoint) could not be saved: \(failure); \(outcome), nothing is lost")
    }
    let message =
      if last.snapshot != nil {
        "\(status.mountpoint): \(last.message); \(outcome), and the next sync checks that"
      } else {
        "\(status.mountpoint) could not be saved: \(last.message); \(outcome)"
          + (last.isIncomplete == true ? "" : ", nothing is lost")
      }
    return CommandError(
      message,
      exitCode: ExitCode(rawValue: last.exitCode) ?? .failure)
  }
}
