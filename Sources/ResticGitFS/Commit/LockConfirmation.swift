import ResticCore

/// Confirms that both locks of a commit are on the storage, just before something is saved.
///
/// In a network, the listing that shows the locks is requested together with the listing of the snapshots, so that both
/// take one round. The listing is valid if it began a moment before the snapshot is sent: there is a round trip between
/// any listing and the save that relies on it, and this adds a little to that time. No other client removes a lock that
/// fast: that takes two minutes. Only `restic unlock --remove-all` does. A process that was stopped or asleep meanwhile
/// makes a new listing.
struct LockConfirmation: Sendable {
  /// How long a listing is valid, counted from its beginning.
  private static let lifetime = Duration.seconds(1)

  private let lock: RepositoryLock
  private let commitLock: CommitLock
  /// The listing that was begun early.
  private let early: (begin: ContinuousClock.Instant, task: Task<Void, any Error>)?

  /// Confirms `lock` and `commitLock`, which are on `repository`, on request.
  init(of lock: RepositoryLock, _ commitLock: CommitLock, on repository: Repository) {
    self.lock = lock
    self.commitLock = commitLock
    guard repository.backend.isDistant else {
      early = nil
      return
    }
    early = (begin: .now, task: Task { try await commitLock.confirm(with: lock) })
  }

  /// Throws `.lockLost` unless both locks are on the storage.
  func confirm() async throws {
    if let early {
      try await withTaskCancellationHandler {
        try await early.task.value
      } onCancel: {
        early.task.cancel()
      }
      // The answer may have taken long.
      if early.begin.duration(to: .now) < Self.lifetime {
        try lock.validate()
        return try commitLock.validate()
      }
    }
    try await commitLock.confirm(with: lock)
  }
}
