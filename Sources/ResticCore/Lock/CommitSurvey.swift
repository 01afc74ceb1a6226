internal import Logging

/// Examines the locks of others while the commit lock is being acquired, and removes commit locks whose holder has
/// died.
///
/// Not synchronised: it belongs to one `acquire`.
struct CommitSurvey {
  /// The result of one look.
  enum View: Sendable {
    /// Nobody else has or wants the commit lock, and there is no exclusive lock.
    case clear
    /// An exclusive lock of restic's.
    case blocked(LockSurvey.Found)
    /// Commit locks of others exist; this is the one with the lowest name.
    case contended(LockSurvey.Found)
    /// This client's own file was not in the listing.
    case unlisted
  }

  /// The record of one holder that has not refreshed since it was first seen.
  private struct Watch {
    var files: Set<LockID>
    /// How long nothing new was seen, counted only while this process was awake and looking.
    var idle: Duration
    var sinceLastLook: @Sendable () -> Duration
  }

  /// How often a look is repeated because it removed locks or took too long.
  private static let lookAttempts = 10

  private(set) var locks: LockSurvey
  private let repository: Repository
  private let policy: LockPolicy
  private let clock: LockClock
  /// By holder.
  private var watches: [String: Watch] = [:]
  /// Holders that have written a new file while this survey watched.
  private(set) var refreshed: Set<String> = []

  /// All clients that had a commit lock at the last look and were not dead.
  var holders: Set<String> { Set(watches.keys) }

  init(repository: Repository, policy: LockPolicy, clock: LockClock) {
    locks = LockSurvey(repository: repository, policy: policy, clock: clock)
    self.repository = repository
    self.policy = policy
    self.clock = clock
  }

  /// Which clients have locks beside `own`, this client's file if it has one.
  ///
  /// `.clear` is returned only after one listing during which no lock was removed and that took less time than a holder
  /// leaves a file in place: see `CommitLock`.
  mutating func look(own: LockID? = nil) async throws(RepositoryError) -> View {
    for _ in 0..<Self.lookAttempts {
      let elapsed = clock.stopwatch()
      let all = try await locks.read()
      let took = elapsed()
      if let own, !all.contains(where: { $0.id == own }) { return .unlisted }
      let others = all.filter { $0.id != own }
      guard try await removeDead(among: others).isEmpty else { continue }
      if let other = try await locks.conflict(exclusive: false, among: others) { return .blocked(other) }
      if let first = others.first(where: { $0.mark?.commitHolder != nil }) { return .contended(first) }
      if took < policy.commit.refreshInterval { return .clear }
    }
    throw .backend(.unavailable("the list of locks takes too long to read, or changes too fast"))
  }

  /// Removes this program's dead locks, commit locks or not, and returns them.
  mutating func removeStale() async throws(RepositoryError) -> [LockSurvey.Found] {
    let all = try await locks.read()
    var removed = try await removeDead(among: all)
    for lock in all where lock.mark?.commitHolder == nil && locks.isDead(lock) {
      try await LockLease.remove(lock.id, from: repository)
      removed.append(lock)
    }
    return removed
  }

  /// Removes the commit locks whose holder is dead, with all files of each holder, and returns them.
  private mutating func removeDead(
    among others: [LockSurvey.Found]
  ) async throws(RepositoryError) -> [LockSurvey.Found] {
    let held = Dictionary(grouping: others.filter { $0.mark?.commitHolder != nil }) { $0.mark?.commitHolder ?? "" }
    watches = watches.filter { held[$0.key] != nil }
    refreshed.formIntersection(held.keys)
    var removed: [LockSurvey.Found] = []
    for (holder, files) in held {
      guard let last = files.last, files.contains(where: locks.isDead) || isIdle(holder, files) else { continue }
      repository.settings.logger.warning(
        "removing the commit lock of process \(last.file.pid) on \(last.file.hostname), which no longer refreshes it")
      for file in files {
        try await LockLease.remove(file.id, from: repository)
        removed.append(file)
      }
      watches[holder] = nil
    }
    return removed
  }

  /// Whether the holder has not written a new file for so long that it must be dead.
  private mutating func isIdle(_ holder: String, _ files: [LockSurvey.Found]) -> Bool {
    let ids = Set(files.map(\.id))
    guard var watch = watches[holder], ids.isSubset(of: watch.files) else {
      if watches[holder] != nil { refreshed.insert(holder) }
      watches[holder] = Watch(files: ids, idle: .zero, sinceLastLook: clock.timer())
      return false
    }
    // This process may have been asleep, and the holder too: then the holder could not refresh.
    watch.idle += min(watch.sinceLastLook(), policy.commit.longestRetryDelay * 2)
    watch.sinceLastLook = clock.timer()
    watches[holder] = watch
    return watch.idle >= policy.commit.deadAfter
  }
}
