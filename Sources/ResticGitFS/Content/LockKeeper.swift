import Logging
import ResticCore

/// Holds restic's shared lock while something needs it; a mount without changes holds none and blocks nobody.
///
/// Something needs it: as long as a scope lasts (`holding`), or one of the conditions is true that were given to `keep(while:)`.
actor LockKeeper {
  private let repository: Repository
  /// How long to wait for a lock that stands in the way.
  let retryFor: Duration
  private let clock: LockClock
  private let logger: Logger
  private var acquisition: Task<RepositoryLock, any Error>?
  private var isEnded = false
  private var scopeCount = 0
  /// In a network nobody waits for a look at a lock that was seen so lately: the look goes on beside the storing.
  private static let recently = Duration.seconds(5)
  /// In a network a lock that was seen so lately is still there for one more index file.
  private static let justNow = Duration.seconds(1)

  private let needs = Locked<[Need]>([])
  private let held = Locked<RepositoryLock?>(nil)
  /// A look for the lock that a scope has begun, and that nobody has waited for yet.
  private let look = Locked<Task<Result<Void, RepositoryError>, Never>?>(nil)

  private struct Need {
    let isThere: @Sendable () -> Bool
  }

  /// The lock file's name, while one is held. From any thread.
  nonisolated var heldLock: LockID? { held.withLock { $0 }?.id }

  /// A keeper of locks on `repository`, which waits up to `retryFor` for a lock that stands in the way.
  init(repository: Repository, retryFor: Duration, clock: LockClock = .system, logger: Logger) {
    self.repository = repository
    self.retryFor = retryFor
    self.clock = clock
    self.logger = logger
    repository.guardIndexFiles { [weak self] () throws(RepositoryError) in try await self?.confirmHeld() }
  }

  /// Keeps a lock that was taken as long as `isNeeded`, also beyond the scope in which it was taken.
  nonisolated func keep(while isNeeded: @escaping @Sendable () -> Bool) {
    needs.withLock { $0.append(Need(isThere: isNeeded)) }
  }

  /// Calls `body` with the lock, which nobody gives back meanwhile; afterwards it is given back unless something needs it.
  ///
  /// With `isConfirmed` the keeper looks for the lock on the storage before `body` begins, or in a network before `body` has an index
  /// file written. Where somebody removed the lock before `body` began, and may have pruned packs that no index file names, the
  /// keeper takes a new lock, with a fresh index. A lock that was removed later is `.lockLost`.
  func holding<Result: Sendable>(
    isConfirmed: Bool, _ body: @Sendable (RepositoryLock) async throws -> Result
  ) async throws -> Result {
    scopeCount += 1
    let result: Swift.Result<Result, any Error>
    do {
      result = .success(try await body(isConfirmed ? acquireConfirmed() : acquire()))
    } catch {
      result = .failure(error)
    }
    scopeCount -= 1
    await releaseUnlessNeeded()
    return try result.get()
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

  /// Throws `.lockLost` where somebody has removed the lock that is held, and may have pruned packs that no index file names yet.
  private nonisolated func confirmHeld() async throws(RepositoryError) {
    guard let lock = held.withLock({ $0 }) else { return }
    // After another failure the storage is asked once more.
    if let begun = look.withLock({ $0.take() }), case .failure(.lockLost(let reason)) = await begun.value {
      throw .lockLost(reason)
    }
    try await lock.confirm(unlessWithin: repository.backend.isDistant ? Self.justNow : .zero)
  }

  private func acquireConfirmed() async throws -> RepositoryLock {
    let lock = try await acquire()
    let isRecent = repository.backend.isDistant && lock.wasSeen(within: Self.recently)
    let begun = Self.look(for: lock)
    look.withLock { $0 = isRecent ? begun : nil }
    if isRecent { return lock }
    switch await begun.value {
    case .success:
      return lock
    case .failure(.lockLost(let reason)):
      logger.warning("\(reason)")
      return try await acquire()
    case .failure(let error):
      throw error
    }
  }

  /// Begins to look for `lock` on the storage.
  private static func look(for lock: RepositoryLock) -> Task<Result<Void, RepositoryError>, Never> {
    Task { await Result(awaiting: { () async throws(RepositoryError) in try await lock.confirm() }) }
  }

  /// Gives the lock back, if there is one and nothing needs it.
  func releaseUnlessNeeded() async {
    if scopeCount == 0, !needs.withLock({ $0 }).contains(where: { $0.isThere() }) { await release() }
  }

  /// Stops waiting for a lock, for good: no other is taken from now on.
  func cancel() {
    isEnded = true
    acquisition?.cancel()
  }

  /// Gives the lock back, needed or not, for good: no other is taken from now on.
  func end() async {
    cancel()
    await release()
  }

  private func release() async {
    guard let acquisition else { return }
    self.acquisition = nil
    // After a failure there is nothing to give back.
    if let lock = try? await acquisition.value { await giveBack(lock) }
  }

  /// A lock file that can't be removed stays behind; it becomes stale, and the next mount on this machine removes it.
  private func giveBack(_ lock: RepositoryLock) async {
    held.withLock { $0 = nil }
    look.withLock { $0 = nil }
    do {
      try await lock.release()
    } catch {
      logger.warning("the repository's lock \(lock.id.short) could not be removed: \(error)")
    }
  }
}
