import ResticCore

/// Sees that both locks of a commit are on the storage, just before something is saved.
///
/// In a network the listing that shows them is begun together with the listing of the snapshots, so that both are one round of
/// requests. It counts if it began a moment ago when the snapshot is sent: between any listing and what is saved upon it lies a
/// round trip, and this is that time, and some more. No other client takes a lock away so fast: that takes two minutes. Only
/// `restic unlock --remove-all` does. A process that was stopped or asleep meanwhile makes a new listing.
struct LockConfirmation: Sendable {
  /// For how long a listing counts, from when it began.
  private static let lifetime = Duration.seconds(1)

  private let lock: RepositoryLock
  private let commitLock: CommitLock
  /// The listing that was begun.
  private let early: (begin: ContinuousClock.Instant, task: Task<Void, any Error>)?

  /// Confirms `lock` and `commitLock`, which are on `repository`, when it is asked to.
  init(of lock: RepositoryLock, _ commitLock: CommitLock, on repository: Repository) {
    self.lock = lock
    self.commitLock = commitLock
    guard repository.backend.isDistant else {
      early = nil
      return
    }
    early = (begin: .now, task: Task { try await commitLock.confirm(with: lock) })
  }

  /// Throws `.lockLost` unless both locks are there.
  func confirm() async throws {
    if let early {
      try await withTaskCancellationHandler {
        try await early.task.value
      } onCancel: {
        early.task.cancel()
      }
      // Its answer may have taken long.
      if early.begin.duration(to: .now) < Self.lifetime {
        try lock.validate()
        return try commitLock.validate()
      }
    }
    try await commitLock.confirm(with: lock)
  }
}
