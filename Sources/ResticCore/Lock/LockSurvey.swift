internal import Logging

/// Looks at the locks of others, while one lock is being acquired.
///
/// Locks never change, so each is read once, and those of this process never (`Repository.knownLocks`). Not synchronised: it
/// belongs to one `acquire`.
struct LockSurvey {
  /// A lock of somebody else's.
  struct Found: Sendable {
    let id: LockID
    let file: LockFile
    /// What it says beyond restic's; nil unless it is one of ours.
    let mark: LockMark?
  }

  /// A stale lock under observation.
  private struct Watch {
    let elapsed: @Sendable () -> Duration
    var lookCount: Int
  }

  /// How often a file that cannot be read is tried. Source: restic, checkForOtherLocks.
  private static let attempts = 4
  /// How often all is read again because a file vanished meanwhile: as often as that happens, but not for ever.
  private static let listingAttempts = 50
  /// How often a stale lock must have been seen before it is removed: at first and at two checks.
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

  /// A lock that stands in the way of one that is `exclusive` or not, other than `own`; nil if there is none.
  ///
  /// Removes locks of ours whose process has ended. Where a shared one is wanted, an exclusive one is removed, too, if it
  /// is stale or a process of this host name that is not there made it; but only after it was watched for
  /// `LockPolicy.staleObservation` and nothing refreshed it.
  mutating func conflict(exclusive: Bool, own: Set<LockID> = []) async throws(RepositoryError) -> Found? {
    try await conflict(exclusive: exclusive, among: try await read().filter { !own.contains($0.id) })
  }

  /// The same among `others`, which were just read.
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

  /// What restic says of a lock in the way, on one line.
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

  /// All locks that are there now, by their names.
  mutating func read() async throws(RepositoryError) -> [Found] {
    var damageCount = 0
    for attempt in 1... {
      do throws(RepositoryError) {
        return try await readOnce()
      } catch .backend(.notFound) where attempt < Self.listingAttempts {
        continue  // Refreshed or released between listing and loading: its successor is in the next listing.
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
      // Some storages leave empty files when an upload is cut off.
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

  /// Whether the lock is one of ours and its process has ended beyond doubt: its number means nothing anywhere else.
  func isDead(_ lock: Found) -> Bool {
    guard let scope = lock.mark?.scope, scope == .current else { return false }
    return isGone(lock.file)
  }

  /// Whether no process here has the number of the one that made the lock on a machine of this name.
  private func isGone(_ lock: LockFile) -> Bool {
    let identity = repository.settings.identity
    guard !lock.hostname.isEmpty, lock.hostname.hasBytes(of: identity.hostname), lock.pid > 0, lock.pid != identity.pid
    else {
      return false
    }
    return !ProcessState.isRunning(lock.pid)
  }

  /// Whether a lock that is stale, or whose process seems to be gone, was watched long enough, and seen often enough, to
  /// know that nobody refreshes it. The process may be one of another container that has the same host name.
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
