import SystemPackage

/// Waits for sessions of the same repository that are unmounted and still committing, so that a new mount shows what
/// they save.
///
/// Sessions that are mounted elsewhere are not waited for: they may live for weeks.
struct PreviousCommit: Sendable {
  /// How often a session is looked at.
  private static let interval = Duration.milliseconds(50)

  /// The repository's sessions.
  let directory: SessionDirectory

  /// Returns when no session of the repository is committing. `onWait` is called once for each that has to be waited for.
  /// Only cancelling the task or ending the process ends the waiting early: the other's commit takes as long as it takes.
  func wait(onWait: (SessionRecord) -> Void) async throws {
    for session in try directory.sessions() {
      var isAnnounced = false
      while let record = Self.unfinishedCommit(of: session) {
        if !isAnnounced { onWait(record) }
        isAnnounced = true
        try await Task.sleep(for: Self.interval)
      }
    }
  }

  /// What `session` says, if it has left its mountpoint and is alive; nil if nobody needs to wait for it.
  private static func unfinishedCommit(of session: SessionObserver) -> SessionRecord? {
    guard !session.isOver, let record = session.record() else { return nil }
    switch record.state {
    case .starting: return nil
    case .committing, .ended: return record
    case .serving:
      // After an unmount some milliseconds pass until the process notices. Its own table is the one that counts: it may
      // live in another mount namespace. A table that cannot be read belongs to a process that is gone.
      guard let table = try? MountTable.load(seenBy: record.processID) else { return nil }
      let entry = table.entry(at: FilePath(record.mountpoint))
      return entry?.isResticGitFS == true ? nil : record
    }
  }
}
