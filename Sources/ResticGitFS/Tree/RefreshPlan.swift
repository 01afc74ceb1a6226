import ResticCore

/// How a tree without changes becomes that of a newer snapshot: made without the lock, applied under it in one step.
///
/// Only directories that are loaded are compared; the others get their new tree unread.
struct RefreshPlan: Sendable {
  /// What happens to one loaded directory.
  struct Directory: Sendable {
    /// The directory.
    var inode: InodeNumber
    /// What it is to be.
    var node: Node
    /// Whether the newer snapshot has something in it that git had in flight, which is not shown.
    var lacksInFlight = false
    /// Names that lead to nothing any more.
    var removed: [Name] = []
    /// Names that lead to something new; what they led to before goes on for those who have it open.
    var replaced: [Node] = []
    /// Subdirectories that stay the same inode and aren't loaded, with their new nodes.
    var retargeted: [(inode: InodeNumber, node: Node)] = []

    /// The names that lead to something else or to nothing.
    var names: [Name] { removed + replaced.map(\.name) }
    /// The directories that get new nodes: this one, unless it is the root, and those that aren't loaded.
    var nodes: [(inode: InodeNumber, node: Node)] {
      retargeted + (inode == Namespace.root ? [] : [(inode, node)])
    }
  }

  /// Every directory that changes.
  var directories: [Directory] = []
  /// Whether each loaded directory was compared: one may be let go meanwhile.
  var isComplete = true

  /// What became of a plan.
  enum Outcome: Sendable {
    /// The tree is as planned, and the kernel must forget this.
    case applied([Invalidation])
    /// Nothing changed: the tree was loaded further since the plan was made.
    case outdated
    /// Nothing changed: the tree has changes of its own, git has refs locked, or a file to be replaced is open for writing.
    case inUse
  }

  /// What the kernel may have cached and must forget.
  enum Invalidation: Hashable, Sendable {
    /// What a name in a directory leads to.
    case entry(Name, in: InodeNumber)
    /// The attributes and the content of an inode; a directory's listing is its content.
    case inode(InodeNumber)
    /// The attributes of an inode.
    case attributes(InodeNumber)
  }
}
