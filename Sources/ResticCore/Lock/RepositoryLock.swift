/// A lock of restic's on a repository: a file that others see, replaced every five minutes while we hold it.
///
///     let lock = try await RepositoryLock.acquire(on: repository, retryFor: .seconds(300))
///     …                                  // upload
///     try lock.validate()                // just before a snapshot is saved
///     …
///     try await lock.release()
///
/// Shared locks go together; an exclusive one tolerates no other. While `validate` does not throw, a file of ours has been
/// on the storage without a gap since `acquire`. It throws
/// - once there was no refresh for `LockPolicy.lossTimeout`, by the wall clock or by the timer: nothing may be written
///   then. When the storage answers again and our file is still there, nobody can have taken an exclusive lock meanwhile,
///   and the lock is valid again, as with restic;
/// - for ever when somebody removed our file. Then a prune may have taken packs that no index names: acquire anew and call
///   `Repository.forgetVanishedPacks`.
///
/// A lock that is dropped without `release` leaves its file behind until that is stale.
///
/// **A program that holds a lock must ignore SIGHUP**, as restic does: `restic unlock` sends it to the process that a lock
/// names to see whether it lives.
public final class RepositoryLock: Sendable {
  private let lease: LockLease

  /// Holds what `lease` keeps.
  init(_ lease: LockLease) {
    self.lease = lease
  }

  /// What is written, and how it is kept.
  static func terms(exclusive: Bool, policy: LockPolicy) -> LockLease.Terms {
    LockLease.Terms(
      isExclusive: exclusive, mark: LockMark(), refreshInterval: policy.refreshInterval,
      lossTimeout: policy.lossTimeout, retention: .zero, recovers: true, name: "the lock on the repository")
  }

  /// Whether it tolerates no other lock.
  public var isExclusive: Bool { lease.terms.isExclusive }

  /// The name of our file now.
  public var id: LockID { lease.id }

  /// Whether the lock protects nothing now.
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
    try lease.validate()
  }

  /// Removes the lock. Throws what the storage failed with; the file is left behind then.
  public func release() async throws(RepositoryError) {
<<<<<<< HEAD
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
=======
    try await lease.release()
>>>>>>> commitlock
  }
}
