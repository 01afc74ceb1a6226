internal import Logging

/// Looks at the locks of others, while one lock is being acquired.
///
/// Locks never change, so each is read once. Not synchronised: it belongs to one `acquire`.
struct LockSurvey {
  /// A lock of somebody else's.
  struct Found: Sendable {
    let id: LockID
    let file: LockFile
  }

  /// A stale lock under observation.
  private struct Watch {
    let elapsed: @Sendable () -> Duration
    var lookCount: Int
  }

  /// How often files that vanish or cannot be read are tried. Source: restic, checkForOtherLocks.
  private static let attempts = 4
  /// How often a stale lock must have been seen before it is removed: at first and at two checks.
  private static let staleLookCount = 3

  private let repository: Repository
  private let policy: LockPolicy
  private let clock: LockClock
  private var known: [LockID: LockFile] = [:]
  private var watched: [LockID: Watch] = [:]

  init(repository: Repository, policy: LockPolicy, clock: LockClock) {
    self.repository = repository
    self.policy = policy
    self.clock = clock
  }

  /// A lock that stands in the way of one that is `exclusive` or not, other than `own`; nil if there is none.
  ///
  /// Removes locks that a dead process of this machine left. A stale exclusive lock of another machine is removed where a
  /// shared one is wanted, but only after it was watched for `LockPolicy.staleObservation` and nothing refreshed it.
  mutating func conflict(exclusive: Bool, own: LockID? = nil) async throws(RepositoryError) -> Found? {
    var others = try await read().filter { $0.id != own }
    for dead in others where isDead(dead.file) {
      repository.settings.logger.warning("removing the lock of process \(dead.file.pid), which has ended")
      try await remove(dead.id)
    }
    others.removeAll { isDead($0.file) }
    let conflicting = others.filter { exclusive || $0.file.exclusive }
    watched = watched.filter { watch in conflicting.contains { $0.id == watch.key } }
    for other in conflicting {
      guard !exclusive, isAbandoned(other, among: others) else { return other }
      repository.settings.logger.warning(
        "removing the stale lock \(other.id.short) of \(other.file.hostname): not refreshed since \(other.file.time.rfc3339)"
      )
      try await remove(other.id)
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
      (\(age.components.seconds / 60)m\(age.components.seconds % 60)s ago), storage ID \(other.id.short)\
      \(age > policy.staleAfter ? ", and is stale" : "")
      """
  }

  // MARK: Reading

  /// All locks that are there now.
  private mutating func read() async throws(RepositoryError) -> [Found] {
    for attempt in 1... {
      do throws(RepositoryError) {
        return try await readOnce()
      } catch .backend(.notFound) where attempt < Self.attempts {
        continue  // Refreshed or released between listing and loading: its successor is in the next listing.
      } catch .damaged(let message) {
        guard attempt < Self.attempts else {
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
    known = known.filter { ids.contains($0.key) }
    for id in ids where known[id] == nil {
      let bytes = try await repository.unpacked.load(.lock(id))
      do throws(FormatError) {
        known[id] = try LockFile.decode(bytes)
      } catch {
        throw .damaged("\(BackendFile.lock(id)) is damaged: \(error)")
      }
    }
    return known.map { Found(id: $0.key, file: $0.value) }.sorted { $0.id < $1.id }
  }

  // MARK: Removing what nobody holds

  /// Whether a process of this machine made the lock and has ended.
  private func isDead(_ lock: LockFile) -> Bool {
    let identity = repository.settings.identity
    guard !lock.hostname.isEmpty, lock.hostname == identity.hostname, lock.pid > 0, lock.pid != identity.pid else {
      return false
    }
    return !ProcessState.isRunning(lock.pid)
  }

  /// Whether a stale lock was watched long enough, and seen often enough, to know that nobody refreshes it.
  private mutating func isAbandoned(_ other: Found, among others: [Found]) -> Bool {
    let now = clock.wallTime()
    let successor = others.contains {
      $0.id != other.id && $0.file.hostname == other.file.hostname && $0.file.pid == other.file.pid
    }
    guard other.file.time.duration(to: now) > policy.staleAfter, !successor else {
      watched[other.id] = nil
      return false
    }
    var watch = watched[other.id] ?? Watch(elapsed: clock.stopwatch(), lookCount: 0)
    watch.lookCount += 1
    watched[other.id] = watch
    return watch.lookCount >= Self.staleLookCount && watch.elapsed() >= policy.staleObservation
  }

  private func remove(_ id: LockID) async throws(RepositoryError) {
    do throws(BackendError) {
      try await repository.backend.remove(.lock(id))
    } catch .notFound {
      return  // Somebody was quicker.
    } catch {
      throw .backend(error)
    }
  }
}
