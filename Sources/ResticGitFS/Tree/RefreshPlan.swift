import ResticCore

/// How an unchanged tree becomes that of a newer snapshot: computed without the lock, applied under it in one step.
///
/// Only loaded directories are compared; the others get their new tree without being read.
struct RefreshPlan: Sendable {
  /// The changes of one loaded directory.
  struct Directory: Sendable {
    /// The directory.
    var inode: InodeNumber
    /// Its new node.
    var node: Node
    /// Whether it has files in the newer snapshot that git had in flight, which are not shown.
    var lacksInFlight = false
    /// Names to remove.
    var removed: [Name] = []
    /// Names that get a new inode; programs that have the old one open keep it.
    var replaced: [Node] = []
    /// Subdirectories that keep their inode and are not loaded, with their new nodes.
    var retargeted: [(inode: InodeNumber, node: Node)] = []

    /// The names that are replaced or removed.
    var names: [Name] { removed + replaced.map(\.name) }
    /// The directories that get new nodes: this one, unless it is the root, and those that are not loaded.
    var nodes: [(inode: InodeNumber, node: Node)] {
      retargeted + (inode == Namespace.root ? [] : [(inode, node)])
    }
  }

  /// Every directory that changes.
  var directories: [Directory] = []
  /// Whether each loaded directory was compared: one may be unloaded meanwhile.
  var isComplete = true

  /// The result of applying a plan.
  enum Outcome: Sendable {
    /// The tree is as planned, and the kernel must forget these.
    case applied([Invalidation])
    /// Nothing changed: more of the tree was loaded after the plan was made.
    case outdated
    /// Nothing changed: the tree has its own changes, git has locked refs, or a file to be replaced is open for
    /// writing.
    case inUse
  }

  /// A cache of the kernel that must be dropped.
  enum Invalidation: Hashable, Sendable {
    /// The inode of a name in a directory.
    case entry(Name, in: InodeNumber)
    /// The attributes and the content of an inode; a directory's listing is its content.
    case inode(InodeNumber)
    /// The attributes of an inode.
    case attributes(InodeNumber)
  }
}
