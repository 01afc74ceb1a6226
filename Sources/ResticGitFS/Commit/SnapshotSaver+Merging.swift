import Logging
import ResticCore

/// Merging snapshots from which the newest one does not descend.
extension SnapshotSaver {
  /// A tree to merge into the newest, and its base.
  struct Side {
    var tree: BlobID
    var base: BlobID?
    /// The snapshot that holds it, if it is one that arrived late.
    var snapshot: SnapshotID?
  }

  /// This program's snapshots from which the newest does not descend, because their client was stopped for too long.
  static func sides(
    besides newest: SavedSnapshot?, among snapshots: [SavedSnapshot], newcomers: Set<SnapshotID>
  ) -> [Side] {
    guard let newest else { return [] }
    let ours = snapshots.filter { $0.snapshot.isOurs }
    return SnapshotFork.forks(among: ours, beside: newest, newcomers: newcomers).map { fork in
      let base = snapshots.first { $0.id == fork.base }
      return Side(tree: fork.head.snapshot.tree, base: base?.snapshot.tree, snapshot: fork.head.id)
    }
  }

  /// Merges `sides` one after the other. Own conflicts are those of a side that is not a snapshot yet, or is the
  /// snapshot `own`.
  func merge(
    _ sides: [Side], into start: BlobID, ours: BlobID, own: SnapshotID?
  ) async throws -> (tree: DurableTree, result: CommitResult.Merge) {
    let label = ConflictLabel(host: identity.hostname, time: clock.wallTime())
    var result = CommitResult.Merge(conflicts: [], ours: ours)
    var tree = start
    while true {
      // An uploader makes one tree durable; the next merge reads it.
      let uploader = repository.makeUploader()
      let side = sides[result.sideCount]
      let treeMerge = TreeMerge(uploader: uploader, label: label)
      let merge: MergeResult
      do {
        merge = try await treeMerge.merge(base: side.base, theirs: tree, ours: side.tree)
      } catch RepositoryError.missingBlob(let blob, _) where side.snapshot == nil {
        logger.warning(
          "the mounted snapshot was pruned (blob \(blob)): every file that changed here counts as changed by others, too"
        )
        let (base, ours) = try await rebase(tree)
        merge = try await treeMerge.merge(base: base, theirs: tree, ours: ours)
      }
      let durable = try await uploader.finish(root: merge.root)
      tree = durable.id
      result.conflicts += merge.conflicts
      if side.snapshot == nil || side.snapshot == own { result.ownConflicts = merge.conflicts }
      result.needsSnapshotOfOurs = result.needsSnapshotOfOurs || merge.needsSnapshotOfOurs
      result.sideCount += 1
      if result.sideCount == sides.count { return (durable, result) }
    }
  }
}
