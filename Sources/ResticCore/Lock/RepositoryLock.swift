internal import Logging

/// A lock of restic's on a repository: a file that others see, replaced every five minutes while we hold it.
///
///     let lock = try await RepositoryLock.acquire(on: repository, retryFor: .seconds(300))
///     …                                  // upload
///     try lock.validate()                // just before a snapshot is saved
///     …
///     try await lock.release()
///
/// Shared locks go together; an exclusive one tolerates no other. Invariants:
/// 1. While `validate` does not throw, a file of ours has been on the storage without a gap since `acquire`: a new one is
///    written and the old one seen to be still there before that is removed.
/// 2. Lost is lost: after `LockPolicy.lossTimeout` without a refresh, by the wall clock or by the timer, or when somebody
///    removed our file, `validate` throws for ever. Then a prune may have taken packs that no index names:
///    acquire anew and call `Repository.forgetVanishedPacks`.
///
/// A lock that is dropped without `release` leaves its file behind until that is stale.
///
/// **A program that holds a lock must ignore SIGHUP**, as restic does: `restic unlock` sends it to the process that a lock
/// names to see whether it lives.
/// `state` is a leaf lock. `refreshGate` keeps refresh and release apart.
public final class RepositoryLock: Sendable {
  /// What has become of it.
  private enum Phase {
    case held
    case lost(String)
    case released
  }

  private struct State {
    var phase = Phase.held
    /// Our file.
    var id: LockID
    /// When it was written, by the wall clock.
    var time: Timestamp
    /// How long ago that was.
    var age: @Sendable () -> Duration
    /// Older files of ours that could not be removed.
    var leftovers: [LockID] = []
    var refresher: Task<Void, Never>?
  }

  /// Whether it tolerates no other lock.
  public let isExclusive: Bool
  private let repository: Repository
  private let policy: LockPolicy
  private let clock: LockClock
  private let state: Locked<State>
  private let refreshGate = AsyncGate()

  init(
    repository: Repository, id: LockID, time: Timestamp, age: @escaping @Sendable () -> Duration, isExclusive: Bool,
    policy: LockPolicy, clock: LockClock
  ) {
    self.repository = repository
    self.isExclusive = isExclusive
    self.policy = policy
    self.clock = clock
    state = Locked(State(id: id, time: time, age: age))
    let interval = policy.pollInterval
    let refresher = Task { [weak self, clock] in
      while !Task.isCancelled {
        do throws(RepositoryError) {
          try await clock.sleep(for: interval)
        } catch {
          return  // Cancelled: released or dropped.
        }
        guard let self, await self.refreshIfDue() else { return }
      }
    }
    state.withLock { $0.refresher = refresher }
  }

  deinit {
    state.withLock { $0.refresher }?.cancel()
  }

  /// The name of our file now.
  public var id: LockID { state.withLock { $0.id } }

  /// Whether the lock protects nothing any more.
  public var isLost: Bool {
    do throws(RepositoryError) {
      try validate()
      return false
    } catch {
      return true
    }
  }

  /// Throws `.lockLost` unless the lock is held: nothing may be written then.
  public func validate() throws(RepositoryError) {
    let reason: String? = state.withLock { state in
      switch state.phase {
      case .lost(let reason):
        return reason
      case .released:
        return "the lock was released"
      case .held:
        guard state.age() >= policy.lossTimeout else { return nil }
        let reason = "the lock could not be refreshed for \(state.age().components.seconds / 60) minutes"
        state.phase = .lost(reason)
        return reason
      }
    }
    if let reason { throw .lockLost("\(reason); the repository may have been changed meanwhile, try again") }
  }

  /// Removes the lock. Throws what the storage failed with; the file is left behind then.
  public func release() async throws(RepositoryError) {
    let refresher = state.withLock { state in
      state.phase = .released
      return state.refresher.take()
    }
    refresher?.cancel()
    await refresher?.value
    try await refreshGate.pass { () async throws(RepositoryError) in
      let files = state.withLock { $0.leftovers + [$0.id] }
      for file in files { try await remove(file) }
    }
  }

  // MARK: Refreshing

  /// Refreshes where it is time to; false when the lock is not held any more.
  private func refreshIfDue() async -> Bool {
    do throws(RepositoryError) {
      try validate()
    } catch {
      let isReleased = state.withLock { state in
        if case .released = state.phase { true } else { false }
      }
      if !isReleased { repository.settings.logger.error("\(error)") }
      return false
    }
    let (age, time) = state.withLock { ($0.age(), $0.time) }
    // A clock that was set back makes our file seem to come from the future: others should see today's time.
    guard age >= policy.refreshInterval || time.duration(to: clock.wallTime()) < .zero else { return true }
    do throws(RepositoryError) {
      try await refreshGate.pass { () async throws(RepositoryError) in try await refresh() }
    } catch {
      // Tried again at the next poll; the lock is lost when that goes on for too long.
      repository.settings.logger.warning("the lock on the repository could not be refreshed: \(error)")
    }
    return !isLost
  }

  private func refresh() async throws(RepositoryError) {
    let old = state.withLock { $0.id }
    let time = clock.wallTime()
    let age = clock.stopwatch()
    let new = try await Self.write(to: repository, time: time, exclusive: isExclusive)
    do throws(BackendError) {
      _ = try await repository.backend.byteCount(of: .lock(old))
    } catch {
      if case .notFound = error {
        state.withLock { state in
          if case .held = state.phase { state.phase = .lost("somebody removed our lock") }
        }
      }
      state.withLock { $0.leftovers.append(new) }
      try await remove(new)
      state.withLock { $0.leftovers.removeAll { $0 == new } }
      throw .backend(error)
    }
    let leftovers = state.withLock { state in
      state.id = new
      state.time = time
      state.age = age
      state.leftovers.append(old)
      return state.leftovers
    }
    for file in leftovers {
      try await remove(file)
      state.withLock { $0.leftovers.removeAll { $0 == file } }
    }
  }

  private func remove(_ file: LockID) async throws(RepositoryError) {
    do throws(BackendError) {
      try await repository.backend.remove(.lock(file))
    } catch .notFound {
      return  // Somebody else removed it.
    } catch {
      throw .backend(error)
    }
  }

  /// Writes a lock file of ours.
  static func write(
    to repository: Repository, time: Timestamp, exclusive: Bool
  ) async throws(RepositoryError) -> LockID {
    let identity = repository.settings.identity
    let file = LockFile(
      time: time, exclusive: exclusive, hostname: identity.hostname, username: identity.username, pid: identity.pid,
      uid: identity.uid, gid: identity.gid)
    return try await repository.unpacked.save(file.encode(), as: BackendFile.lock)
  }
}
