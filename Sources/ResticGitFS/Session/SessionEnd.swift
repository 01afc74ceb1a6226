/// Waits for the process that served a mount, after the unmount, and tells how the session ended.
struct SessionEnd: Sendable {
  private static let pollInterval = Duration.milliseconds(20)

  /// Opened before the unmount.
  let session: SessionObserver
  /// What was unmounted.
  let mount: MountedDirectory
  /// Where progress is shown.
  let progress: ProgressLine

  /// How it ended. Throws a `CommandError` when the final commit failed and the process has mounted again, and when the
  /// process died without a word.
  func wait() async throws -> MountOutcome {
    defer { progress.clear() }
    while !session.isOver {
      guard let record = session.record() else { continue }
      if let now = record.progress { progress.show(now) }
      if record.state == .serving, try isMountedAgain() {
        let message = try mount.status().lastError?.message ?? "the reason is in the log"
        throw CommandError("the last changes could not be saved: \(message); \(mount.path) is mounted again")
      }
      try await Task.sleep(for: Self.pollInterval)
    }
    guard let outcome = session.record()?.outcome else {
      throw CommandError(
        "the process that served \(mount.path) died; `restic-gitfs snapshots` shows what was saved")
    }
    return outcome
  }

  /// Whether the mount is back. Right after the unmount the record may say `serving` still, with nothing mounted.
  private func isMountedAgain() throws -> Bool {
    try MountTable.load().entry(at: mount.path)?.isResticGitFS == true
  }
}
