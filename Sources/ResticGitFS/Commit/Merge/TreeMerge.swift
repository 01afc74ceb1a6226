import ResticCore

/// Merges two trees with a common base, so that no change of either side is lost.
///
///     let merge = TreeMerge(uploader: uploader, label: ConflictLabel(host: host, time: .now()))
///     let result = try await merge.merge(base: base.tree, theirs: newest.tree, ours: ours)
///     let tree = try await uploader.finish(root: result.root)        // the caller's business
///
/// *Theirs* is already in the repository and may have been read by others: if both sides changed one thing differently,
/// their version stays in place, and our version is kept beside it. Equal subtrees are never loaded, so the cost
/// depends on the changes. By topic:
/// - `DirectoryMerge`: files and directories, entry by entry; `Node+Merge`: what counts as a change.
/// - `RepositoryMerge`: a directory that is a git repository, at any depth: `ObjectMerge` (with `ObjectRemovals`), `RefMerge` (with `RefStorage`,
///   `PackedRefs` and `RefEdits`), `ReflogMerge`, `LineUnion`.
/// - `HardLinks`: names of one file stay names of one file.
///
/// The result consists of existing blobs and of new ones, which are added through the uploader. It is a sound git
/// repository wherever both sides were: it has every object of either side, and a ref is set only to a value that one
/// side had set. Source of the rules: gitrepository-layout(5), `refs/files-backend.c` and `refs/packed-backend.c` of
/// git 2.39; checked by `RefMergeModelTests` and `GitMergeTests`.
struct TreeMerge: Sendable {
  /// Where new trees and blobs go. Its repository is the one that holds the three trees.
  let uploader: Uploader
  /// Names our versions that are kept beside theirs.
  let label: ConflictLabel

  /// The tree with the changes of `theirs` and `ours` since `base`, and the conflicts.
  ///
  /// Without a base, everything counts as made by both sides: nothing is deleted, and every difference is a conflict.
  /// Throws errors of loading a tree or a ref's small file, and of storing; nothing is decided then.
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
