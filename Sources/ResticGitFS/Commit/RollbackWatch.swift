import Logging
import ResticCore

/// Compares what the storage shows with what this machine has seen (`SeenMemory`), and remembers what the storage
/// shows.
///
/// A snapshot that is dated more than a day ahead of this machine's clock is neither remembered nor compared: until its
/// time comes, no later snapshot would be newer, and a user who removes it, as `SnapshotAhead` advises, rolls nothing
/// back.
struct RollbackWatch: Sendable {
  /// The result of a comparison.
  struct Look: Sendable {
    /// The snapshots, including one that the storage has and did not list.
    var list: SnapshotList
    /// Set if the snapshots are an older state that was not accepted.
    var rollback: Rollback?
  }

  /// The repository.
  let repository: Repository
  /// Whether an older state is accepted and becomes what this machine has seen.
  let acceptsRollback: Bool
  /// Whether to remember what the storage shows. A client that only reads does not.
  var remembers = true
  /// The source of the current time.
  var clock = LockClock.system
  /// The log, which tells what is accepted.
  let logger: Logger

  /// Compares `list`, which has all snapshots; only those that `isWanted` accepts matter. `base` is what a mount shows,
  /// which counts as seen. A snapshot that seems to be gone is requested by its name, since listings may lag behind.
  func look(
    at list: SnapshotList, showing base: SavedSnapshot? = nil, where isWanted: (Snapshot) -> Bool
  ) async throws(RepositoryError) -> Look {
    let seen = await repository.seen.current()
    var known = seen.newest.filter { isWanted($0.snapshot) }
    if let base, !seen.givenUp.contains(base.id), !known.contains(where: { $0.id == base.id }) { known.append(base) }
    let now = clock.wallTime()
    known.removeAll { SnapshotAhead.isAhead($0, of: now) }

    var look = Look(list: list)
    while let newest = known.max(by: { $1.isNewer(than: $0) }) {
      guard let rollback = Rollback(seen: newest, in: look.list, where: isWanted) else { break }
      // A snapshot that is listed but can no longer be read counts as gone.
      let isDamaged = look.list.damaged.contains { $0.file == .snapshot(newest.id) }
      if !isDamaged, let unlisted = try await repository.storedSnapshot(newest.id) {
        logger.info("snapshot \(newest.id.short) is stored but not listed yet")
        look.list = look.list.adding(unlisted)
        continue
      }
      guard acceptsRollback else {
        look.rollback = rollback
        return look
      }
      logger.warning("\(rollback.message): accepted")
      let gone = known.filter { Rollback(seen: $0, in: look.list, where: isWanted) != nil }
      await repository.seen.update { [ids = Set(gone.map(\.id))] in $0.giveUp(ids) }
      known.removeAll { gone.contains($0) }
    }
    await note(look.list)
    return look
  }

  /// Like `look(at:showing:where:)`, for the snapshots that a mount with `filter` would follow: those with the paths of
  /// the newest one.
  func look(at list: SnapshotList, matching filter: SnapshotFilter) async throws(RepositoryError) -> Look {
    let newest = list.snapshots.last { filter.matches($0.snapshot) }
    return try await look(at: list) { snapshot in
      filter.matches(snapshot) && newest.map { $0.snapshot.hasPaths(of: snapshot) } ?? true
    }
  }

  /// Compares all snapshots that `filter` accepts, separately for each set of paths. Seen snapshots whose paths are no
  /// longer listed are compared, too.
  func lookAtAll(
    of list: SnapshotList, matching filter: SnapshotFilter
  ) async throws(RepositoryError) -> (list: SnapshotList, rollbacks: [Rollback]) {
    var list = list
    var rollbacks: [Rollback] = []
    var done: [Snapshot] = []
    for seen in await repository.seen.current().newest where !done.contains(where: { $0.hasPaths(of: seen.snapshot) }) {
      done.append(seen.snapshot)
      let look = try await look(at: list) { filter.matches($0) && $0.hasPaths(of: seen.snapshot) }
      list = look.list
      if let rollback = look.rollback { rollbacks.append(rollback) }
    }
    await note(list)
    return (list, rollbacks)
  }

  /// Whether the snapshot is of a group that mounts save. Those groups are remembered, however many groups restic's
  /// backups make.
  private static func isOfMounts(_ snapshot: Snapshot) -> Bool { snapshot.isOfThisProgram }

  /// Notes that `saved` is stored.
  func note(_ saved: SavedSnapshot) async { await note(SnapshotList([saved])) }

  /// Remembers what is listed, except for those paths whose listed state is older than what was seen: the user has not
  /// accepted that state yet, and a snapshot made on top of it would replace what was seen.
  private func note(_ list: SnapshotList) async {
    guard remembers else { return }
    let now = clock.wallTime()
    let current = list.snapshots.lazy.filter { !SnapshotAhead.isAhead($0, of: now) }
    let before = await repository.seen.current()
    var after = before
    after.note(current, preferring: Self.isOfMounts)
    // Nothing is locked or written if nothing changed.
    guard after != before else { return }
    let kept = Set(after.newest.map(\.id))
    let lost = before.newest.filter { old in
      !kept.contains(old.id) && Rollback(seen: old, in: list) { $0.hasPaths(of: old.snapshot) } != nil
    }
    let news = Array(current.filter { saved in !lost.contains { $0.snapshot.hasPaths(of: saved.snapshot) } })
    await repository.seen.update { $0.note(news, preferring: Self.isOfMounts) }
  }
}
