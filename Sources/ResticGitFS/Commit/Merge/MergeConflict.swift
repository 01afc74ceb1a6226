import ResticCore

/// Something that both sides changed differently. Paths are those of the merged tree, from its root.
enum MergeConflict: Hashable, Sendable {
  /// A ref of a git repository.
  case ref(RefConflict)
  /// A file, link or directory: their version is at `path`, ours at `keptAs` beside it.
  case file(path: [Name], keptAs: [Name])
  /// One side changed it, the other deleted it: the changed version stays. Nobody has to do anything.
  case deletion(path: [Name], changedBy: MergeSide)
  /// Refs of a git repository (its root is at the path), or the whole repository, that cannot be merged: their version
  /// stays, and ours is not in the merged tree.
  case unmergeable(repository: [Name], reason: UnmergeableReason)
}

/// A side of the merge.
enum MergeSide: Hashable, Sendable {
  /// The side whose snapshot was first.
  case theirs
  /// This mount's side.
  case ours
}

/// Why a git repository, or its refs, cannot be merged.
enum UnmergeableReason: Hashable, Sendable {
  /// Reftables hold refs in common files, and both sides changed them.
  case reftable
  /// Both sides changed refs, and a `packed-refs` is not in git's format.
  case packedRefs
  /// The two sides have different object formats (SHA-1 and SHA-256).
  case objectFormat
  /// It is a git repository on one side only, and was one in the base.
  case notARepository
}

extension MergeConflict: CustomStringConvertible {
  var description: String {
    switch self {
    case .ref(let conflict): "\(conflict)"
    case .file(let path, let keptAs):
      "\(path.pathText): changed on both sides; your version is kept as \(keptAs.last.map { "\($0)" } ?? "")"
    case .deletion(let path, .theirs): "\(path.pathText): deleted by you, changed by someone else; it stays"
    case .deletion(let path, .ours): "\(path.pathText): changed by you, deleted by someone else; it stays"
    case .unmergeable(let path, .reftable):
      "\(path.pathText): the reftables of this git repository changed on both sides; your refs are not merged"
    case .unmergeable(let path, .packedRefs):
      "\(path.pathText): the refs of this git repository changed on both sides, and its packed-refs is damaged; your refs are not merged"
    case .unmergeable(let path, .objectFormat):
      "\(path.pathText): the git repositories have different object formats; yours is not merged"
    case .unmergeable(let path, .notARepository):
      "\(path.pathText): changed on both sides, and no longer a git repository on one of them; yours is not merged"
    }
  }
}

extension [Name] {
  /// The path for people; `/` is the root.
  var pathText: String { isEmpty ? "/" : map { "\($0)" }.joined(separator: "/") }
}
