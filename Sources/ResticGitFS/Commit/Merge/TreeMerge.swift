import ResticCore

/// Merges two trees that grew out of one base, so that nothing either side did is lost.
///
///     let merge = TreeMerge(uploader: uploader, label: ConflictLabel(host: host, time: .now()))
///     let result = try await merge.merge(base: base.tree, theirs: newest.tree, ours: ours)
///     let tree = try await uploader.finish(root: result.root)        // the caller's business
///
/// *Theirs* is what is in the repository already and may have been read by others: where both sides changed one thing
/// differently theirs stays in place, and ours is kept beside it. Equal subtrees are never loaded, so the cost follows
/// what changed. By topic:
/// - `DirectoryMerge`: files and directories, entry by entry; `Node+Merge`: what counts as a change.
/// - `RepositoryMerge`: a directory that is a git repository, at any depth: `ObjectMerge` (with `ObjectRemovals`), `RefMerge` (with `RefStorage`,
///   `PackedRefs` and `RefEdits`), `ReflogMerge`, `LineUnion`.
/// - `HardLinks`: names of one file stay names of one file.
///
/// The result is an arrangement of blobs that exist and of new ones, which are added through the uploader. It is a sound
/// git repository wherever both sides were: every object of either side is there, and a ref is set only to what one side
/// had set it to. Source of the rules: gitrepository-layout(5), `refs/files-backend.c` and `refs/packed-backend.c` of git 2.39;
/// checked by `RefMergeModelTests` and `GitMergeTests`.
struct TreeMerge: Sendable {
  /// Where new trees and blobs go. Its repository is the one that holds the three trees.
  let uploader: Uploader
  /// Names what is kept of ours beside theirs.
  let label: ConflictLabel

  /// The tree that has the changes of `theirs` and `ours` since `base`, and what could not be reconciled.
  ///
  /// Without a base everything counts as made by both sides: nothing is deleted, and what differs is a conflict. Throws what
  /// loading a tree, or a ref's small file, or storing throws; nothing is decided then.
  func merge(base: BlobID?, theirs: BlobID, ours: BlobID) async throws -> MergeResult {
    let context = MergeContext(uploader: uploader, label: label)
    let ids = ThreeWay(base: base, theirs: theirs, ours: ours)
    let root: BlobID
    switch try await DirectoryMerge(context: context).mergeTrees(ids, at: [], .outside) {
    case .merged(let id):
      root = try await context.hardLinks.separate(in: id ?? theirs, context)
    case .impossible(let reason):
      context.conflicts.append(.unmergeable(repository: [], reason: reason))
      root = theirs
    }
    return MergeResult(root: root, conflicts: context.conflicts, isOurs: root == ours, isTheirs: root == theirs)
  }
}
