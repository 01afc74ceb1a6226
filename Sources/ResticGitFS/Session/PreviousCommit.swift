import ResticCore
import SystemPackage

/// Waits for sessions of the same repository that are unmounted and still committing, so that a new mount shows what
/// they save.
///
/// Does not wait for sessions that are mounted elsewhere, which may live for weeks. A session that only another mount
/// namespace still has mounted is made to save its changes, if this user can reach it there, and then goes on.
struct PreviousCommit: Sendable {
  /// How often a session is checked.
  private static let interval = Duration.milliseconds(50)
  /// How often the processes are searched that still have its file system mounted.
  private static let holderInterval = Duration.milliseconds(500)

  /// The repository's sessions.
  let directory: SessionDirectory

  /// Returns when no session of the repository is committing. Calls `onWait` once for each session that has to be
  /// waited for, and `onHeld` for each that is mounted only in other mount namespaces. Only cancelling the task or
  /// ending the process ends the wait early: the other session's commit takes as long as it takes.
  func wait(
    onWait: (SessionRecord) -> Void, onHeld: (SessionRecord, [MountHolder]) -> Void = { _, _ in }
  ) async throws {
    for session in try directory.sessions() {
      var isAnnounced = false
      var nextLook = ContinuousClock.now
      while let record = Self.unfinishedCommit(of: session) {
        if record.state == .serving, let device = record.device, nextLook <= .now {
          let holders = MountHolder.find(device: device)
          if !holders.isEmpty, await Self.save(record, throughOneOf: holders) {
            onHeld(record, holders)
            break
          }
          nextLook = .now.advanced(by: Self.holderInterval)
        }
        if !isAnnounced { onWait(record) }
        isAnnounced = true
        try await Task.sleep(for: Self.interval)
      }
    }
  }

  /// Makes a session commit, and waits for the commit; returns false if it failed or none of `holders` can be reached.
  private static func save(_ session: SessionRecord, throughOneOf holders: [MountHolder]) async -> Bool {
    await BlockingExecutor(threadCount: 1).run {
      for holder in holders {
        let mount = MountedDirectory(path: holder.path)
        // This user may not see every namespace, and the number of a vanished device is reused.
        guard let status = try? mount.status(), status.pid == session.processID else { continue }
        do throws(Errno) {
          try mount.synchronize()
          return true
        } catch {
          return false
        }
      }
      return false
    }
  }

  /// The record of `session`, if it has left its mountpoint and is alive; nil if nobody needs to wait for it.
  private static func unfinishedCommit(of session: SessionObserver) -> SessionRecord? {
    guard !session.isOver, let record = session.record() else { return nil }
    switch record.state {
    case .starting: return nil
    case .committing, .ended: return record
    case .serving:
      // After an unmount, some milliseconds pass until the process notices. Its own table counts, because it may be in
      // another mount namespace. An unreadable table belongs to a process that is gone.
      guard let table = try? MountTable.load(seenBy: record.processID) else { return nil }
      let entry = table.entry(at: FilePath(record.mountpoint))
      return entry?.isResticGitFS == true ? nil : record
    }
  }
}
