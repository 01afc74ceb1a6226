import Logging
import ResticCore

/// Compares what the storage shows with what this machine has seen (`SeenMemory`), and remembers what it shows.
///
/// What is dated more than a day ahead of this machine's clock is not remembered and counts for nothing: nothing later would
/// be newer for as long as that, and whoever removes it, as `SnapshotAhead` advises, rolls nothing back.
struct RollbackWatch: Sendable {
  /// What a look has found.
  struct Look: Sendable {
    /// The snapshots; one that the storage has and did not list is among them.
    var list: SnapshotList
    /// That they are an older state, unless that was accepted.
    var rollback: Rollback?
  }

  /// The repository.
  let repository: Repository
  /// Whether an older state is taken for what it shows: it is what this machine has seen then.
  let acceptsRollback: Bool
  /// Whether what the storage shows is remembered: not by whoever only looks.
  var remembers = true
  /// Where `now` is from.
  var clock = LockClock.system
  /// Told what is accepted.
  let logger: Logger

  /// Looks at `list`, all snapshots, of which those matter that `isWanted`. `base` is what a mount shows, and was seen.
  /// Whatever seems to be gone is asked for by its name, since listings may lag behind.
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
      // One that is listed and cannot be read any more is as good as gone.
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

  /// As `look(at:showing:where:)`, of those that a mount with `filter` would follow: they have the paths of the newest one.
  func look(at list: SnapshotList, matching filter: SnapshotFilter) async throws(RepositoryError) -> Look {
    let newest = list.snapshots.last { filter.matches($0.snapshot) }
    return try await look(at: list) { snapshot in
      filter.matches(snapshot) && newest.map { $0.snapshot.hasPaths(of: snapshot) } ?? true
    }
  }

  /// Looks at all that `filter` lets through, those of each set of paths for themselves. What was seen of other paths counts,
  /// too, where nothing of it is listed any more.
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

  /// Whether the snapshot is of a group that mounts save: however many groups restic's backups make, those of mounts are
  /// remembered.
  private static func isOfMounts(_ snapshot: Snapshot) -> Bool { snapshot.isOfThisProgram }

  /// `saved` is stored.
  func note(_ saved: SavedSnapshot) async { await note(SnapshotList([saved])) }

  /// Remembers what is listed, but of those paths of which it is an older state: nobody has accepted that yet, and what was made
  /// on top of the older state would take the place of what was seen.
  private func note(_ list: SnapshotList) async {
    guard remembers else { return }
    let now = clock.wallTime()
    let current = list.snapshots.lazy.filter { !SnapshotAhead.isAhead($0, of: now) }
    let before = await repository.seen.current()
    var after = before
    after.note(current, preferring: Self.isOfMounts)
    // Nothing is locked or written where there is no news.
    guard after != before else { return }
    let kept = Set(after.newest.map(\.id))
    let lost = before.newest.filter { old in
      !kept.contains(old.id) && Rollback(seen: old, in: list) { $0.hasPaths(of: old.snapshot) } != nil
    }
    let news = Array(current.filter { saved in !lost.contains { $0.snapshot.hasPaths(of: saved.snapshot) } })
    await repository.seen.update { $0.note(news, preferring: Self.isOfMounts) }
  }
}
