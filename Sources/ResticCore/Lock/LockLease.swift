internal import Logging

/// A lock file of this client that is on the storage, and the task that keeps it fresh: the common part of
/// `RepositoryLock` and `CommitLock`.
///
/// Invariants:
/// 1. While `validate` does not throw, a file of this client has been on the storage without a gap: a new file is
///    written, and the old file is seen to be still there, before the old file is removed.
/// 2. An overdue lease is not valid: after `Terms.lossTimeout` without a refresh, by the wall clock or by the timer,
///    `validate` throws. A lease that `recovers` becomes valid again once a refresh has shown that its file was there
///    all the time; any other is lost.
/// 3. A lost lease stays lost, and a released one stays released: `validate` always throws.
///
/// A lease that is dropped without `release` leaves its files behind.
/// `state` is a leaf lock. `refreshGate` keeps refresh and release apart, and is held across backend calls.
final class LockLease: Sendable {
  /// The kind of the lock, and how it is kept.
  struct Terms: Sendable {
    var isExclusive: Bool
    var mark: LockMark
    var refreshInterval: Duration
    var lossTimeout: Duration
    /// How long a file stays after another one has replaced it.
    var retention: Duration
    /// Whether the lease may be refreshed after `lossTimeout`, while its file is still there.
    var recovers: Bool
    /// The lock's name in messages.
    var name: String
  }

  /// A lock file of this client.
  struct File: Sendable {
    let id: LockID
    /// The time in the file, by the wall clock.
    let time: Timestamp
    /// The time since the writing of the file began.
    let age: @Sendable () -> Duration
  }

  /// A lock file that is not stored yet. Its name is known in advance, so that a file left by a lost answer can be
  /// removed.
  struct Draft: Sendable {
    let file: File
    private let content: LockFile
    private let stored: PooledBytes

    /// A file that marks the lock as held now.
    init(of terms: Terms, in repository: Repository, _ clock: LockClock) throws(RepositoryError) {
      let identity = repository.settings.identity
      let time = clock.wallTime()
      guard time.isStorable else {
        throw .unstorableTime("a lock cannot have the time \(time.rfc3339): set this machine's clock")
      }
      let age = clock.stopwatch()
      let lock = LockFile(
        time: time, exclusive: terms.isExclusive, hostname: identity.hostname, username: identity.username,
        pid: identity.pid, uid: identity.uid, gid: identity.gid, unknownFields: [terms.mark.field])
      let (stored, id) = try repository.unpacked.seal(lock.encode(), as: BackendFile.lock)
      file = File(id: id, time: time, age: age)
      content = lock
      self.stored = PooledBytes(copying: stored)
    }

    func save(in repository: Repository) async throws(RepositoryError) {
      repository.note(ownLock: content, file.id)
      try await repository.store(.lock(file.id), stored)
    }
  }

  private enum Phase {
    case held
    case overdue(String)
    case lost(String)
    case released
  }

  /// An older file of this client that has to be removed.
  private struct Leftover {
    let id: LockID
    /// The time since another file replaced it.
    let superseded: @Sendable () -> Duration
  }

  private struct State {
    var phase = Phase.held
    var file: File
    var leftovers: [Leftover] = []
    /// The time since the end of a listing that showed the file.
    var sinceSeen: @Sendable () -> Duration
    var refresher: Task<Void, Never>?

    mutating func lose(_ reason: String) {
      switch phase {
      case .held, .overdue: phase = .lost(reason)
      case .lost, .released: return
      }
    }
  }

  let terms: Terms
  private let repository: Repository
  private let policy: LockPolicy
  private let clock: LockClock
  private let state: Locked<State>
  private let refreshGate = AsyncGate()

  /// Keeps `file`, which has been saved and listed, fresh.
  init(repository: Repository, file: File, terms: Terms, policy: LockPolicy, clock: LockClock) {
    self.repository = repository
    self.terms = terms
    self.policy = policy
    self.clock = clock
    state = Locked(State(file: file, sinceSeen: clock.stopwatch()))
    let interval = policy.pollInterval
    let refresher = Task { [weak self, clock] in
      while !Task.isCancelled {
        do throws(RepositoryError) {
          try await clock.sleep(for: interval)
        } catch {
          return  // Cancelled: the lease was released or dropped.
        }
        guard let self, await self.keep() else { return }
      }
    }
    state.withLock { $0.refresher = refresher }
  }

  deinit {
    state.withLock { $0.refresher }?.cancel()
  }

  /// The name of this client's newest file.
  var id: LockID { state.withLock { $0.file.id } }

  /// Throws `.lockLost` unless the lease is valid.
  func validate() throws(RepositoryError) {
    let reason: String? = state.withLock { state in
      switch state.phase {
      case .overdue(let reason), .lost(let reason):
        return reason
      case .released:
        return "\(terms.name) was released"
      case .held:
        let age = state.file.age()
        guard age >= terms.lossTimeout else { return nil }
        let reason = "\(terms.name) could not be refreshed for \(age.components.seconds) seconds"
        state.phase = terms.recovers ? .overdue(reason) : .lost(reason)
        repository.settings.logger.error("\(reason)")
        return reason
      }
    }
    if let reason { throw .lockLost("\(reason); the repository may have changed meanwhile; try again") }
  }

  /// Throws `.lockLost` unless all of `leases`, which are on one repository, are valid and one listing that begins now
  /// shows their files.
  ///
  /// A listing is used because some storages remember a file that somebody else has removed until they are asked for a
  /// list (rclone).
  static func confirm(_ leases: [LockLease]) async throws(RepositoryError) {
    guard let repository = leases.first?.repository else { return }
    while true {
      for lease in leases { try lease.validate() }
      let ids = leases.map(\.id)
      let listed = try await files(in: repository)
      var isSettled = true
      for (lease, id) in zip(leases, ids) where !listed.contains(id) {
        // The storage's listings may lag behind.
        guard try await isGone(id, in: repository) else { continue }
        // A refresh may have replaced the file since its name was read.
        if !lease.loses(id) { isSettled = false }
      }
      for lease in leases { try lease.validate() }
      guard isSettled else { continue }
      for lease in leases { lease.state.withLock { $0.sinceSeen = lease.clock.stopwatch() } }
      return
    }
  }

  /// The time since the lease was confirmed or taken.
  var sinceSeen: Duration { state.withLock { $0.sinceSeen }() }

  /// Throws `.lockLost` unless the lease is valid and its file is on the storage now.
  func confirm() async throws(RepositoryError) {
    try await Self.confirm([self])
  }

  /// Records that the file `id` is gone. Returns false if `id` is no longer the newest file.
  private func loses(_ id: LockID) -> Bool {
    state.withLock { state in
      guard state.file.id == id else { return false }
      state.lose("somebody removed \(terms.name)")
      return true
    }
  }

  /// Removes the lock. Throws the storage's error; files are left behind then.
  func release() async throws(RepositoryError) {
    let refresher = state.withLock { state in
      state.phase = .released
      return state.refresher.take()
    }
    refresher?.cancel()
    await refresher?.value
    try await refreshGate.pass { () async throws(RepositoryError) in
      var failure: RepositoryError?
      for file in state.withLock({ $0.leftovers.map(\.id) + [$0.file.id] }) {
        do throws(RepositoryError) {
          try await Self.remove(file, from: repository)
        } catch {
          failure = error
        }
      }
      if let failure { throw failure }
    }
  }

  // MARK: Refreshing

  /// Refreshes and tidies up if it is time to. Returns false once nothing is left to keep.
  private func keep() async -> Bool {
    guard isWorthKeeping else { return false }
    do throws(RepositoryError) {
      try await refreshGate.pass { () async throws(RepositoryError) in
        let (age, time) = state.withLock { ($0.file.age(), $0.file.time) }
        // If the clock was set back, this client's file seems to come from the future: write one with today's time for
        // the others.
        if age >= terms.refreshInterval || time.duration(to: clock.wallTime()) < .zero { try await refresh() }
        try await removeLeftovers()
      }
    } catch {
      // The next poll tries again.
      repository.settings.logger.warning("\(terms.name) could not be refreshed: \(error)")
    }
    return isWorthKeeping
  }

  /// Whether the lease is valid or may become valid again.
  private var isWorthKeeping: Bool {
    do throws(RepositoryError) {
      try validate()
      return true
    } catch {
      return state.withLock { state in
        if case .overdue = state.phase { true } else { false }
      }
    }
  }

  /// Replaces the file by a new one, overdue or not, as restic does.
  private func refresh() async throws(RepositoryError) {
    let (old, isOverdue) = state.withLock { state in
      if case .overdue = state.phase { (state.file, true) } else { (state.file, false) }
    }
    if isOverdue, !(try await isThere(old.id)) { return lose() }
    let draft = try Draft(of: terms, in: repository, clock)
    // Until the new file has replaced the old one, it has to be removed whatever happens.
    state.withLock { $0.leftovers.append(Leftover(id: draft.file.id) { .seconds(Int64.max) }) }
    do throws(RepositoryError) {
      try await draft.save(in: repository)
      if isOverdue { try await clock.sleep(for: policy.checkDelay) }
      guard try await isThere(old.id) else { throw .lockLost("somebody removed \(terms.name)") }
      if isOverdue {
        var survey = LockSurvey(repository: repository, policy: policy, clock: clock)
        if let other = try await survey.conflict(exclusive: terms.isExclusive, own: [old.id, draft.file.id]) {
          throw .locked(survey.message(about: other))
        }
      }
    } catch {
      if case .lockLost = error { lose() }
      try await removeLeftovers()
      throw error
    }
    state.withLock { [clock] state in
      // Too late for a lease that does not recover; `validate` reports that and marks it lost.
      guard terms.recovers || state.file.age() < terms.lossTimeout else { return }
      state.file = draft.file
      state.leftovers.removeAll { $0.id == draft.file.id }
      state.leftovers.append(Leftover(id: old.id, superseded: clock.timer()))
      if case .overdue = state.phase { state.phase = .held }
    }
  }

  private func lose() {
    state.withLock { $0.lose("somebody removed \(terms.name)") }
  }

  private func removeLeftovers() async throws(RepositoryError) {
    let due = state.withLock { state in state.leftovers.filter { $0.superseded() >= terms.retention } }
    for leftover in due {
      try await Self.remove(leftover.id, from: repository)
      state.withLock { state in state.leftovers.removeAll { $0.id == leftover.id } }
    }
  }

  private func isThere(_ id: LockID) async throws(RepositoryError) -> Bool {
    if try await Self.files(in: repository).contains(id) { return true }
    return try await !Self.isGone(id, in: repository)
  }

  // MARK: Files

  /// Whether the file `id`, which a listing has just not shown, is gone. After a listing, no storage remembers a file
  /// that somebody else has removed.
  private static func isGone(_ id: LockID, in repository: Repository) async throws(RepositoryError) -> Bool {
    do throws(BackendError) {
      _ = try await repository.backend.byteCount(of: .lock(id))
      return false
    } catch .notFound {
      return true
    } catch {
      throw .backend(error)
    }
  }

  /// The names of all lock files.
  private static func files(in repository: Repository) async throws(RepositoryError) -> Set<LockID> {
    Set(try await repository.list(.lock))
  }

  /// Removes a lock file, whether it is there or not. If the file cannot be removed now, because the storage keeps it
  /// or another repository is in its place, `removeUnwanted` tries again.
  static func remove(_ id: LockID, from repository: Repository) async throws(RepositoryError) {
    repository.unwantedLocks.withLock { _ = $0.insert(id) }
    do throws(BackendError) {
      try await repository.backend.remove(.lock(id))
    } catch .notFound {
      // Somebody else or an earlier attempt has removed the file; or the file is in the repository that has been
      // replaced.
      try await repository.confirmIdentity()
    } catch {
      throw .backend(error)
    }
    repository.unwantedLocks.withLock { _ = $0.remove(id) }
  }

  /// Removes files that earlier calls could not remove: otherwise this process would block itself until they are stale.
  static func removeUnwanted(from repository: Repository) async {
    for id in repository.unwantedLocks.withLock({ $0 }) { await clearAway(id, from: repository) }
  }

  /// Removes a file of this client after `error`, which the caller reports whatever happens to the file.
  static func clearAway(_ id: LockID, from repository: Repository) async {
    do throws(RepositoryError) {
      try await remove(id, from: repository)
    } catch .otherRepository {
      // The file, if there is one, is in the repository that was opened: `removeUnwanted` removes it once that
      // repository is back.
    } catch {
      repository.settings.logger.warning("the lock \(id.short) could not be removed: \(error)")
    }
  }
}
