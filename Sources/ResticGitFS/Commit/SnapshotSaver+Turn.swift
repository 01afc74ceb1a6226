import Logging
import ResticCore

/// One turn with the commit lock: the current snapshots, and the save that is based on them.
extension SnapshotSaver {
  /// The result of a look under the commit lock.
  private struct Look {
    /// The change to save, counted from a snapshot that has arrived, if there is one.
    var change: Change
    /// The description of the snapshot to save.
    var description: SnapshotDescription
    /// The newest snapshot.
    var newest: SavedSnapshot?
    /// All snapshots of the mount.
    var listed: Set<SnapshotID>
    /// The snapshots before the first turn.
    var known: Set<SnapshotID>
    /// A snapshot that an earlier commit has sent without an answer, and that is stored.
    var arrived: SentSnapshot?
    /// Whether no snapshot has the base's tree any more: a prune may have removed what this mount's tree shares with
    /// the base.
    var isForgotten: Bool
    /// The trees to merge into the newest.
    var sides: [Side]
    /// The time of the snapshot to save.
    var time: Timestamp
  }

  /// Saves `change` on top of others' snapshots, which `found` has if they were listed already.
  func save(
    _ change: Change, _ found: EarlyLook.Found?, _ summary: SnapshotSummary, confirm: () async throws -> Void
  ) async throws -> Turn {
    let look = try await look(change, found)
    if let newest = look.newest, !look.sides.isEmpty {
      return try await saveMerged(look, into: newest, summary, confirm: confirm)
    }
    return try await saveAlone(look, summary, confirm: confirm)
  }

  private func look(_ change: Change, _ found: EarlyLook.Found?) async throws -> Look {
    var change = change
    // Chosen before the locks are confirmed: a snapshot that arrives late is then the older one, and hides nothing.
    let time = found?.time ?? clock.wallTime()
    var description = SnapshotDescription(base: change.base.snapshot, filter: filter, identity: identity)
    var list: SnapshotList
    if let found { list = found.list } else { list = try await repository.snapshotList(rereadsDamaged: true) }
    list = try await repository.seeingNewest(of: list) { description.covers($0) }
    if !change.isSaved { list = try await confirmState(of: list, description, change.base.snapshot) }
    let matching = try list.matching { filter.matches($0) }
    let snapshots = matching.filter { description.covers($0.snapshot) }
    let arrived = change.sent.last { $0.isListed(in: snapshots) }
    if let arrived {
      logger.info("snapshot \(arrived.saved.id.short) was stored after all")
      change.base = CommitBase.Shown(arrived.saved, showing: arrived.ours)
      change.earlier = arrived.merge
    }
    let (ours, base, newest) = (change.ours, change.base, snapshots.last)
    let listed = Set(snapshots.map(\.id))
    let known = change.known ?? listed
    let isForgotten = base.tree != nil && !snapshots.contains { $0.snapshot.tree == base.tree }
    if isForgotten, change.isSaved { try expect(base.snapshot, in: newest, among: snapshots) }
    var sides = Self.sides(besides: newest, among: snapshots, newcomers: listed.subtracting(known))
    if newest?.snapshot.tree != base.tree, newest?.snapshot.tree != ours.id, base.tree != ours.id {
      sides.append(Side(tree: ours.id, base: base.tree))
    }
    // A snapshot that follows its base needs nothing that others have stored, but a merge or a verification may.
    if isForgotten || newest != nil && !sides.isEmpty { try await repository.loadIndex() }
    description.base = newest ?? base.snapshot
    // Sent snapshots that are not stored may still arrive: the new snapshot contains their content.
    let missing = change.sent.map(\.saved).filter { !listed.contains($0.id) }
    description.earlier = (matching.last.map { [$0] } ?? []) + missing
    description.mergedParents = missing.map(\.id)
    return Look(
      change: change, description: description, newest: newest, listed: listed, known: known, arrived: arrived,
      isForgotten: isForgotten, sides: sides, time: time)
  }

  /// `list`, with snapshots that the storage has but did not list. Throws `RolledBackRepository` if it is an older
  /// state than this machine has seen, `base` included.
  private func confirmState(
    of list: SnapshotList, _ description: SnapshotDescription, _ base: SavedSnapshot?
  ) async throws -> SnapshotList {
    guard let rollbackWatch else { return list }
    let look = try await rollbackWatch.look(at: list, showing: base, where: description.covers)
    if let rollback = look.rollback {
      throw RolledBackRepository(rollback: rollback, occasion: refusesConflicts ? .push : .commit)
    }
    return look.list
  }

  /// Saves this mount's tree unchanged, unless it is already saved: there is nothing to merge.
  private func saveAlone(
    _ look: Look, _ summary: SnapshotSummary, confirm: () async throws -> Void
  ) async throws -> Turn {
    let (change, ours, base, newest) = (look.change, look.change.ours, look.change.base, look.newest)
    let isThere = ours.id == base.tree || ours.id == newest?.snapshot.tree
    if let arrived = look.arrived, isThere {
      try await confirm()
      try await keep(arrived, look.listed)
    }
    if let arrived = look.arrived, ours.id == base.tree {
      return Turn(result: .saved(arrived.saved, merge: change.all(nil)), known: look.known)
    }
    if isThere {
      return Turn(result: .unchanged(newest?.id ?? base.snapshot?.id), known: look.known)
    }
    if look.isForgotten { try await TreeVerifier(repository: repository).verify(ours.id) }
    let sealed = try repository.seal(
      look.description.successor(ours.id, at: look.time, summary: summary), of: ours)
    try await confirm()
    let merge = change.all(nil)
    let sent = try await send(sealed, of: change, merge)
    return Turn(result: .saved(sent.saved, merge: merge), saved: ours, sent: sent, known: look.known)
  }

  /// Merges the sides into the newest snapshot, and saves the result.
  private func saveMerged(
    _ look: Look, into newest: SavedSnapshot, _ summary: SnapshotSummary, confirm: () async throws -> Void
  ) async throws -> Turn {
    let (change, ours, base, sides) = (look.change, look.change.ours, look.change.base, look.sides)
    var description = look.description
    logger.info("merging \(sides.count) into snapshot \(newest.id.short)")
    // If the newest is the base, this mount's tree replaces it, and only snapshots that arrived late are merged into
    // it.
    let start = newest.snapshot.tree == base.tree ? ours.id : newest.snapshot.tree
    let own = change.isSaved ? base.snapshot?.id : nil
    let (merged, result) = try await merge(sides, into: start, ours: ours.id, own: own)
    // Conflicts with snapshots that arrived late cannot be refused: refused again and again, they would never be
    // merged.
    let refusal = refusesConflicts ? RefusedMerge(result.ownConflicts, with: newest.id) : nil
    if let refusal, !change.isSaved { throw refusal }
    if look.isForgotten {
      for tree in [merged.id] + (result.needsSnapshotOfOurs ? [ours.id] : []) {
        try await TreeVerifier(repository: repository).verify(tree)
      }
    }
    let conflict =
      result.needsSnapshotOfOurs
      ? try repository.seal(description.conflict(ours.id, before: newest, at: look.time, summary: summary), of: ours)
      : nil
    description.mergedParents += sides.compactMap(\.snapshot)
    let sealed =
      merged.id == newest.snapshot.tree
      ? nil : try repository.seal(description.successor(merged.id, at: look.time, summary: summary), of: merged)
    try await confirm()
    var merge = result
    if let conflict { merge.beside = try await deliver(conflict).id }
    let all = change.all(merge)
    guard let sealed else {
      if let arrived = look.arrived { try await keep(arrived, look.listed) }
      return Turn(result: .saved(newest, merge: all), known: look.known, refusal: refusal)
    }
    let sent = try await send(sealed, of: change, all)
    return Turn(
      result: .saved(sent.saved, merge: all), saved: merged, sent: sent, known: look.known, refusal: refusal)
  }

  /// Throws `RemovedSnapshot` unless `newest` descends from `saved`.
  private func expect(_ saved: SavedSnapshot?, in newest: SavedSnapshot?, among snapshots: [SavedSnapshot]) throws {
    guard let saved else { return }
    if let newest, SnapshotFork.builds(newest, upon: saved.id, among: snapshots) { return }
    throw RemovedSnapshot(
      error: .lockLost(
        "snapshot \(saved.id.short) was forgotten as soon as it was saved, while the commit lock was lost"))
  }
}
