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
      if let unlisted = try await repository.storedSnapshot(newest.id) {
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
    await note(look.list.snapshots, at: now)
    return look
  }

  /// `saved` is stored.
  func note(_ saved: SavedSnapshot) async { await note([saved], at: clock.wallTime()) }

  private func note(_ snapshots: [SavedSnapshot], at now: Timestamp) async {
    let before = await repository.seen.current()
    var after = before
    after.note(snapshots.lazy.filter { !SnapshotAhead.isAhead($0, of: now) })
    // Nothing is locked or written where there is no news.
    guard after != before else { return }
    await repository.seen.update { $0.note(snapshots.lazy.filter { !SnapshotAhead.isAhead($0, of: now) }) }
  }
}
