import Logging
import ResticCore

/// Holds restic's shared lock while the mount has something uncommitted; a clean mount holds none and blocks nobody.
actor LockKeeper {
  private let repository: Repository
  /// How long to wait for a lock that stands in the way.
  let retryFor: Duration
  private let clock: LockClock
  private let logger: Logger
  private var acquisition: Task<RepositoryLock, any Error>?
  private var isEnded = false
  private let held = Locked<RepositoryLock?>(nil)

  /// The lock file's name, while one is held. From any thread.
  nonisolated var heldLock: LockID? { held.withLock { $0 }?.id }

  /// A keeper of locks on `repository`, which waits up to `retryFor` for a lock that stands in the way.
  init(repository: Repository, retryFor: Duration, clock: LockClock = .system, logger: Logger) {
    self.repository = repository
    self.retryFor = retryFor
    self.clock = clock
    self.logger = logger
  }

  /// A lock that is held and was refreshed in time, taken now if need be. The index is fresh when a new one was taken:
  /// while there was none, another client may have pruned what the index in memory still lists.
  func acquire() async throws -> RepositoryLock {
    if let acquisition {
      let lock = try? await acquisition.value  // why it failed was told to the caller that began it
      if let lock, !lock.isLost { return lock }
      if acquisition == self.acquisition { self.acquisition = nil }
      if let lock { await giveBack(lock) }
    }
    guard !isEnded else { throw RepositoryError.cancelled }
    let task = begin()
    do {
      return try await task.value
    } catch {
      if acquisition == task { acquisition = nil }
      throw error
    }
  }

  /// Begins to take a lock, unless one is held or being taken; `acquire` waits for it.
  @discardableResult
  func begin() -> Task<RepositoryLock, any Error> {
    if let acquisition { return acquisition }
    let task = Task {
      let lock = try await RepositoryLock.acquire(on: repository, retryFor: retryFor, clock: clock)
      do {
        _ = try await repository.forgetVanishedPacks()
        try await loadIndex()
      } catch {
        await giveBack(lock)
        throw error
      }
      held.withLock { $0 = lock }
      return lock
    }
    acquisition = task
    return task
  }

  /// A damaged index file keeps nobody from storing: what only that file names is stored once more. Whoever needs what it
  /// names meets the damage.
  private func loadIndex() async throws {
    do throws(RepositoryError) {
      try await repository.loadIndex(rereadsDamaged: true)
    } catch .damaged(let message) {
      logger.info("going on without an index file: \(message)")
    }
  }

  /// As `acquire`, and the lock is seen to be on the storage now. Where somebody removed it, and may have pruned what only
  /// our packs hold, a new one is taken, with a fresh index.
  func acquireConfirmed() async throws -> RepositoryLock {
    let lock = try await acquire()
    do {
      try await lock.confirm()
      return lock
    } catch RepositoryError.lockLost(let reason) {
      logger.warning("\(reason)")
      return try await acquire()
    }
  }

  /// Gives the lock back, unless `isNeeded` says that something uncommitted has come meanwhile.
  func release(unless isNeeded: @Sendable () -> Bool) async {
    guard let acquisition, !isNeeded() else { return }
    self.acquisition = nil
    // After a failure there is nothing to give back.
    if let lock = try? await acquisition.value { await giveBack(lock) }
  }

  /// Stops waiting for a lock, for good: no other is taken from now on.
  func cancel() {
    isEnded = true
    acquisition?.cancel()
  }

  /// A lock file that can't be removed stays behind; it becomes stale, and the next mount on this machine removes it.
  private func giveBack(_ lock: RepositoryLock) async {
    held.withLock { $0 = nil }
    do {
      try await lock.release()
    } catch {
      logger.warning("the repository's lock \(lock.id.short) is left behind: \(error)")
    }
  }
}
