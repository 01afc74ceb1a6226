import ResticCore

/// The knowledge of git's layout: which directories are git repositories, and which files in them are in flight.
///
/// git's convention: `X.lock` beside X is held while X is changed, anywhere in git's own folders; names that end in six
/// random characters (mkstemp), and a few with a process id, are files that git has not put in place yet. Their creator
/// runs on the mount's machine; in a snapshot they belong to nobody.
///
/// Source: gitrepository-layout(5); lockfile.h, tmp-objdir.h and all templates with `XXXXXX` of git 2.39 to 2.55; prune_cruft and
/// remove_temporary_files of builtin/prune.c. Checked by `BareRepositoryTests`.
enum BareRepository {
  /// The position of a directory in relation to git repositories.
  /// The numbers are those of `DirectoryPlace`.
  enum Position: UInt8, Hashable, Sendable {
    /// In no repository, or in a folder of a repository that is not git's own: git locks nothing there.
    case outside = 0
    /// A repository's root.
    case root
    /// `refs` or beneath.
    case references
    /// `reftable`.
    case reftables
    /// `objects`.
    case objects
    /// `objects/pack` or `objects/pack/multi-pack-index.d`.
    case packs
    /// `objects/` and two hex digits.
    case looseObjects
    /// `info` or `objects/info`.
    case info
    /// `objects/info/commit-graphs`.
    case commitGraphs
    /// Anything else in a repository.
    case elsewhere
  }

  /// Whether a directory with these entries is a git repository by git's own rule: `HEAD`, `objects` and `refs`.
  static func isRepository(_ hasEntry: (Name) -> Bool) -> Bool {
    hasEntry("HEAD") && hasEntry("objects") && hasEntry("refs")
  }

  /// The position of a directory with these entries whose name alone would put it at `position`.
  ///
  /// A directory with a `.git` is a work tree, wherever it is (`git worktree add` in a bare repository): the files in
  /// it are the user's.
  static func position(_ position: Position, hasEntry: (Name) -> Bool) -> Position {
    if hasEntry(".git") { return .outside }
    return isRepository(hasEntry) ? .root : position
  }

  /// The position of the subdirectory `name` of a directory at `position`.
  static func position(of name: Name, in position: Position) -> Position {
    switch (position, name) {
    case (.outside, _): .outside
    case (.root, "refs"), (.references, _): .references
    case (.root, "reftable"), (.reftables, _): .reftables
    case (.root, "objects"): .objects
    case (.root, "info"), (.objects, "info"): .info
    case (.info, "commit-graphs"): .commitGraphs
    case (.objects, "pack"), (.packs, "multi-pack-index.d"): .packs
    case (.objects, _) where name.bytes.count == 2: .looseObjects
    case (.root, _) where !ownFolders.contains(name): .outside
    default: .elsewhere
    }
  }

  /// Whether `name` is an unfinished file of git, which never goes into a snapshot: lock files and files not yet in
  /// place.
  static func isInFlight(_ name: Name, isDirectory: Bool, in position: Position) -> Bool {
    if isDirectory {
      // A submodule or a work tree may have any name.
      return position == .objects && quarantines.contains { name.hasPrefix($0) }
    }
    switch position {
    case .outside: return false
    case .looseObjects: return name.hasPrefix("tmp_obj_")
    case .root:
      return mayBeLock(name) || name == "packed-refs.new" || name == "gc.pid"
        || name.isTemporary("shallow_") || name.isTemporary("sharedindex_")
    case .references, .elsewhere: return mayBeLock(name)
    case .reftables: return mayBeLock(name) || name.isTemporary(".temp.", isPrefix: false)
    case .objects:
      return mayBeLock(name) || name.hasPrefix("tmp_") || name.isTemporary("bitmap-ref-tips_")
        || name.isTemporary("bulk_fsync_")
    case .packs: return mayBeLock(name) || name.hasPrefix("tmp_") || name.hasPrefix(".tmp-")
    case .info: return mayBeLock(name) || name.isTemporary("refs_") || name.isTemporary("packs_")
    case .commitGraphs: return mayBeLock(name) || name.isTemporary("tmp_graph_")
    }
  }

  /// Whether `name` is a lock that git holds while it reads and changes refs, the index or its settings. What git has
  /// read must stay the same until then.
  static func isLock(_ name: Name, in position: Position) -> Bool {
    switch position {
    case .outside, .objects, .packs, .looseObjects, .commitGraphs: false
    case .root, .references, .reftables, .info, .elsewhere: mayBeLock(name) && name != "gc.pid.lock"
    }
  }

  /// Whether `name` may be such a lock, wherever it is.
  static func mayBeLock(_ name: Name) -> Bool {
    name.bytes.count > 5 && name.hasSuffix(".lock")
  }

  /// Folders of a repository that only git uses. In others, such as `hooks`, users and git's extensions keep any files,
  /// with names like `Cargo.lock`; submodules in `modules` are repositories of their own.
  private static let ownFolders: Set<Name> = [
    "logs", "worktrees", "rebase-merge", "rebase-apply", "sequencer", "rr-cache", "svn", "branches", "remotes",
  ]
  /// Folders of objects that were pushed and not accepted yet, or that one command needs.
  private static let quarantines: [StaticString] = ["incoming-", "tmp_objdir-"]
}

extension Name {
  /// Whether the name begins with these bytes.
  fileprivate func hasPrefix(_ prefix: StaticString) -> Bool {
    prefix.withUTF8Buffer { bytes.starts(with: $0) }
  }

  /// Whether the name ends with these bytes.
  fileprivate func hasSuffix(_ suffix: StaticString) -> Bool {
    suffix.withUTF8Buffer { bytes.suffix($0.count).elementsEqual($0) }
  }

  /// Whether the name is (or, unless `isPrefix`, ends with) `stem` and six random letters or digits, as mkstemp(3)
  /// makes names.
  ///
  /// One in a hundred of those consists only of small letters, or is otherwise uniform, and does not count:
  /// `refs_backup` may be a user's.
  fileprivate func isTemporary(_ stem: StaticString, isPrefix: Bool = true) -> Bool {
    let rest = bytes.dropLast(6)
    var kinds: Set<Int> = []
    for byte in bytes.suffix(6) {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): kinds.insert(0)
      case UInt8(ascii: "a")...UInt8(ascii: "z"): kinds.insert(1)
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): kinds.insert(2)
      default: return false
      }
    }
    guard kinds.count > 1 else { return false }
    return stem.withUTF8Buffer { stem in
      isPrefix ? rest.elementsEqual(stem) : rest.suffix(stem.count).elementsEqual(stem)
    }
  }
}
