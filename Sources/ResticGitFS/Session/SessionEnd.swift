/// Waits, after the unmount, for the process that served a mount, and returns how the session ended.
struct SessionEnd: Sendable {
  /// How it ended.
  enum Result: Sendable {
    /// The process is gone.
    case over(MountOutcome)
    /// The process goes on: the file system is still mounted in other mount namespaces.
    case held([MountHolder])
  }

  private static let pollInterval = Duration.milliseconds(20)
  /// How long the process may take to notice the unmount before other users of the file system are searched.
  private static let patience = Duration.milliseconds(500)

  /// Opened before the unmount.
  let session: SessionObserver
  /// The mount that was unmounted.
  let mount: MountedDirectory
  /// The device that it had.
  let device: String
  /// Where progress is shown.
  let progress: ProgressLine
  /// Shows what is waited for.
  let waiting: WaitingLine

  /// How the session ended. Throws a `CommandError` if the final commit failed and the process has mounted again, and
  /// if the process died without an outcome.
  func wait() async throws -> Result {
    defer { progress.clear() }
    var nextLook = ContinuousClock.now.advanced(by: Self.patience)
    while !session.isOver {
      guard let record = session.record() else { continue }
      if let now = record.progress { progress.show(now) }
      waiting.show(record.waiting) { progress.clear() }
      if record.state == .serving, try isMountedAgain(record) {
        let message = try mount.status().lastError?.message ?? "the reason is in the log"
        throw CommandError("the last changes could not be saved: \(message); \(mount.path) is mounted again")
      }
      if record.state == .serving, record.device == device, nextLook < .now {
        let holders = MountHolder.find(device: device)
        if !holders.isEmpty { return .held(holders) }
        nextLook = .now.advanced(by: Self.patience)
      }
      try await Task.sleep(for: Self.pollInterval)
    }
    guard let outcome = session.record()?.outcome else {
      throw CommandError(
        "the process that served \(mount.path) died; `restic-gitfs snapshots` shows what was saved")
    }
    return .over(outcome)
  }

  /// Whether the process has mounted again. Right after the unmount the record still says `serving`, and another
  /// process may have mounted at the same place.
  private func isMountedAgain(_ record: SessionRecord) throws -> Bool {
    guard let entry = try MountTable.load().entry(at: mount.path), entry.isResticGitFS,
      record.isOf(device: entry.device)
    else { return false }
    // The number of a vanished device is reused.
    return try mount.status().pid == record.processID
  }
}
