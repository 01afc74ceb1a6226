import Logging
import ResticCore

/// Holds restic's shared lock while it is needed; a mount without changes holds no lock and blocks nobody.
///
/// The lock is needed during a scope (`holding`), and while one of the conditions given to `keep(while:)` is true.
actor LockKeeper {
  private let repository: Repository
  /// How long to wait for a conflicting lock.
  let retryFor: Duration
  private let clock: LockClock
  private let logger: Logger
  private var acquisition: Task<RepositoryLock, any Error>?
  private var isEnded = false
  private var scopeCount = 0
  /// In a network, a lock that was confirmed this recently is confirmed in the background, while data is being stored.
  private static let recently = Duration.seconds(5)
  /// In a network, a lock that was confirmed this recently is valid for one more index file.
  private static let justNow = Duration.seconds(1)

  private let needs = Locked<[Need]>([])
  private let held = Locked<RepositoryLock?>(nil)
  /// A confirmation of the lock that a scope has begun, and that nobody has waited for yet.
  private let look = Locked<Task<Result<Void, RepositoryError>, Never>?>(nil)

  private struct Need {
    let isThere: @Sendable () -> Bool
  }

  /// The lock file's name, while a lock is held. From any thread.
  nonisolated var heldLock: LockID? { held.withLock { $0 }?.id }

  /// A keeper of locks on `repository`, which waits up to `retryFor` for a conflicting lock.
  init(repository: Repository, retryFor: Duration, clock: LockClock = .system, logger: Logger) {
    self.repository = repository
    self.retryFor = retryFor
    self.clock = clock
    self.logger = logger
    repository.guardIndexFiles { [weak self] () throws(RepositoryError) in try await self?.confirmHeld() }
  }

  /// Keeps a lock while `isNeeded` returns true, also beyond the scope in which it was taken.
  nonisolated func keep(while isNeeded: @escaping @Sendable () -> Bool) {
    needs.withLock { $0.append(Need(isThere: isNeeded)) }
  }

  /// Calls `body` with the lock, which is not released meanwhile; afterwards it is released unless it is needed.
  ///
  /// With `isConfirmed` the lock is confirmed on the storage before `body` begins or, in a network, before `body`
  /// writes an index file. If somebody removed the lock before `body` began, and may have pruned packs that no index
  /// file names, a new lock is taken and the index loaded again. A lock that was removed later is `.lockLost`.
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

  /// A lock that is held and was refreshed in time, taken now if necessary. After a new lock was taken, the index is
  /// loaded again: while there was no lock, another client may have pruned what the index in memory still lists.
  func acquire() async throws -> RepositoryLock {
    if let acquisition {
      let lock = try? await acquisition.value  // the caller that began the acquisition got its error
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

  /// A damaged index file must not prevent storing: what only that file names is stored once more. Code that needs its
  /// content gets the error.
  private func loadIndex() async throws {
    do throws(RepositoryError) {
      try await repository.loadIndex(rereadsDamaged: true)
    } catch .damaged(let message) {
      logger.info("going on without an index file: \(message)")
    }
  }

  /// Throws `.lockLost` if somebody has removed the held lock, and may have pruned packs that no index file names yet.
  private nonisolated func confirmHeld() async throws(RepositoryError) {
    guard let lock = held.withLock({ $0 }) else { return }
    // After another failure, the storage is asked once more.
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

  /// Begins to confirm `lock` on the storage.
  private static func look(for lock: RepositoryLock) -> Task<Result<Void, RepositoryError>, Never> {
    Task { await Result(awaiting: { () async throws(RepositoryError) in try await lock.confirm() }) }
  }

  /// Releases the lock, if there is one and it is not needed.
  func releaseUnlessNeeded() async {
    if scopeCount == 0, !needs.withLock({ $0 }).contains(where: { $0.isThere() }) { await release() }
  }

  /// Stops waiting for a lock, permanently: no other lock is taken from now on.
  func cancel() {
    isEnded = true
    acquisition?.cancel()
  }

  /// Releases the lock, needed or not, permanently: no other lock is taken from now on.
  func end() async {
    cancel()
    await release()
  }

  private func release() async {
    guard let acquisition else { return }
    self.acquisition = nil
    // After a failure there is nothing to release.
    if let lock = try? await acquisition.value { await giveBack(lock) }
  }

  /// A lock file that cannot be removed is left behind; it becomes stale, and the next mount on this machine removes
  /// it.
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
