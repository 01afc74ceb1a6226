internal import Logging

/// Examines the locks of others while one lock is being acquired.
///
/// Locks never change, so each is read once, and those of this process are never read (`Repository.knownLocks`). Not
/// synchronised: a survey belongs to one `acquire`.
struct LockSurvey {
  /// A lock of another client.
  struct Found: Sendable {
    let id: LockID
    let file: LockFile
    /// What this program has added to the lock; nil if it is not one of this program's.
    let mark: LockMark?
  }

  /// A stale lock under observation.
  private struct Watch {
    let elapsed: @Sendable () -> Duration
    var lookCount: Int
  }

  /// How often an unreadable file is tried.
  /// Source: restic, checkForOtherLocks.
  private static let attempts = 4
  /// How often all locks are read again because a file vanished meanwhile: often enough for that, but not endlessly.
  private static let listingAttempts = 50
  /// How often a stale lock must have been seen before it is removed: first, and at two checks.
  private static let staleLookCount = 3

  private let repository: Repository
  private let policy: LockPolicy
  private let clock: LockClock
  private var watched: [LockID: Watch] = [:]

  init(repository: Repository, policy: LockPolicy, clock: LockClock) {
    self.repository = repository
    self.policy = policy
    self.clock = clock
  }

  /// A lock that conflicts with one that is `exclusive` or not, other than `own`; nil if there is none.
  ///
  /// Removes locks of this program whose process has ended. If a shared lock is wanted, this also removes an exclusive
  /// lock that is stale, or that a process of this host name made that does not exist; but only after it was watched
  /// for `LockPolicy.staleObservation` without a refresh.
  mutating func conflict(exclusive: Bool, own: Set<LockID> = []) async throws(RepositoryError) -> Found? {
    try await conflict(exclusive: exclusive, among: try await read().filter { !own.contains($0.id) })
  }

  /// The same among `others`, which have just been read.
  mutating func conflict(exclusive: Bool, among others: [Found]) async throws(RepositoryError) -> Found? {
    for dead in others where isDead(dead) {
      repository.settings.logger.warning("removing the lock of process \(dead.file.pid), which has ended")
      try await LockLease.remove(dead.id, from: repository)
    }
    let conflicting = others.filter { (exclusive || $0.file.exclusive) && !isDead($0) }
    watched = watched.filter { watch in conflicting.contains { $0.id == watch.key } }
    for other in conflicting {
      guard !exclusive, isAbandoned(other, among: others) else { return other }
      repository.settings.logger.warning(
        "removing the stale lock \(other.id.short) of \(other.file.hostname): not refreshed since \(other.file.time.rfc3339)"
      )
      try await LockLease.remove(other.id, from: repository)
    }
    return nil
  }

  /// restic's message about a conflicting lock, on one line.
  func message(about other: Found) -> String {
    let lock = other.file
    let age = max(.zero, lock.time.duration(to: clock.wallTime()))
    return """
      repository is already locked \(lock.exclusive ? "exclusively " : "")by PID \(lock.pid) on \(lock.hostname) \
      by \(lock.username) (UID \(lock.uid), GID \(lock.gid)); lock was created at \(lock.time.rfc3339) \
      (\(age.components.seconds / 60)m\(age.components.seconds % 60)s ago), storage ID \(other.id.short); \
      \(age > policy.staleAfter ? "the lock is stale: " : "if that process is gone, ")`restic unlock` removes it
      """
  }

  // MARK: Reading

  /// All locks that are on the storage now, ordered by name.
  mutating func read() async throws(RepositoryError) -> [Found] {
    var damageCount = 0
    for attempt in 1... {
      do throws(RepositoryError) {
        return try await readOnce()
      } catch .backend(.notFound) where attempt < Self.listingAttempts {
        continue  // Refreshed or released between listing and loading; a refreshed lock is in the next listing.
      } catch .damaged(let message) {
        damageCount += 1
        guard damageCount < Self.attempts else {
          throw .damaged(
            "\(message); `restic unlock --remove-all` removes invalid locks, once nobody uses the repository")
        }
        try await clock.sleep(for: policy.settleDelay)
      }
    }
    preconditionFailure("the loop above has no end")
  }

  private mutating func readOnce() async throws(RepositoryError) -> [Found] {
    let listed: [BackendEntry]
    do throws(BackendError) {
      // Some storages leave an empty file if an upload is cut off.
      listed = try await repository.backend.list(.lock).filter { $0.byteCount > 0 }
    } catch {
      throw .backend(error)
    }
    let ids = Set(listed.compactMap { LockID(hex: $0.file.name) })
    let known = repository.knownLocks.withLock { $0.filter { ids.contains($0.key) } }
    let found = Locked(known)
    let unread = ids.filter { known[$0] == nil }.sorted()
    try await forEachConcurrently(unread, limit: repository.locksReadAtOnce) {
      [repository] id throws(RepositoryError) in
      let file = try await repository.load(.lock(id)) { plaintext, _ throws(FormatError) in
        try LockFile.decode(plaintext)
      }
      found.withLock { $0[id] = Found(id: id, file: file, mark: LockMark(of: file, stored: id)) }
    }
    let all = found.withLock { $0 }
    repository.note(locks: all)
    return all.values.sorted { $0.id < $1.id }
  }

  // MARK: Locks that nobody holds

  /// Whether the lock is one of this program's and its process has certainly ended: a process number identifies nothing
  /// on another machine.
  func isDead(_ lock: Found) -> Bool {
    guard let scope = lock.mark?.scope, scope == .current else { return false }
    return isGone(lock.file)
  }

  /// Whether no process here has the number of the process that made the lock on a machine of this name.
  private func isGone(_ lock: LockFile) -> Bool {
    let identity = repository.settings.identity
    guard !lock.hostname.isEmpty, lock.hostname.hasBytes(of: identity.hostname), lock.pid > 0, lock.pid != identity.pid
    else {
      return false
    }
    return !ProcessState.isRunning(lock.pid)
  }

  /// Whether a lock that is stale, or whose process seems to be gone, has been watched long and often enough to know
  /// that nobody refreshes it. The process may run in another container with the same host name.
  private mutating func isAbandoned(_ other: Found, among others: [Found]) -> Bool {
    let isStale = other.file.time.duration(to: clock.wallTime()) > policy.staleAfter
    let successor = others.contains {
      $0.id != other.id && $0.file.hostname.hasBytes(of: other.file.hostname) && $0.file.pid == other.file.pid
    }
    guard isStale || isGone(other.file), !successor else {
      watched[other.id] = nil
      return false
    }
    var watch = watched[other.id] ?? Watch(elapsed: clock.timer(), lookCount: 0)
    watch.lookCount += 1
    watched[other.id] = watch
    return watch.lookCount >= Self.staleLookCount && watch.elapsed() >= policy.staleObservation
  }
}
