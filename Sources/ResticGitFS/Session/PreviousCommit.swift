import ResticCore
import SystemPackage

/// Waits for sessions of the same repository that are unmounted and still committing, so that a new mount shows what
/// they save.
///
/// Sessions that are mounted elsewhere are not waited for: they may live for weeks. One that only another mount namespace has
/// still is made to save what it has, where this user can reach it there, and then goes on.
struct PreviousCommit: Sendable {
  /// How often a session is looked at.
  private static let interval = Duration.milliseconds(50)
  /// How often somebody is looked for who has its file system mounted still.
  private static let holderInterval = Duration.milliseconds(500)

  /// The repository's sessions.
  let directory: SessionDirectory

  /// Returns when no session of the repository is committing. `onWait` is called once for each that has to be waited for,
  /// `onHeld` for each that is mounted in other mount namespaces only.
  /// Only cancelling the task or ending the process ends the waiting early: the other's commit takes as long as it takes.
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

  /// Makes a session commit, and waits until that is done; false where it failed or none of `holders` can be reached.
  private static func save(_ session: SessionRecord, throughOneOf holders: [MountHolder]) async -> Bool {
    await BlockingExecutor(threadCount: 1).run {
      for holder in holders {
        let mount = MountedDirectory(path: holder.path)
        // This user may not look into every namespace, and the number of a device that is gone is given to the next one.
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
