import ResticCore

/// What the kernel sees: an identity with attributes, a body, names that lead to it and references that hold it.
///
/// `Node` is what restic stores of it: `node` holds the attributes. Its `name` is one that it once had; its `content`, `size`
/// and `subtree` count only while the body is unchanged. Only `Namespace` writes `parents` and `linkCount`.
struct Inode: Sendable {
  /// What kind of file it is, and what is in it.
  enum Body: Sendable {
    /// A regular file.
    case file(FileBody)
    /// A directory.
    case directory(Children)
    /// A symbolic link, device node, fifo, socket: all there is is in `node`.
    case special
  }

  /// Where a regular file's content is described.
  enum FileBody: Sendable {
    /// As stored: `node.content`.
    case stored
    /// As stored, and being read: the extents of `node.content`.
    case resolved(ExtentMap)
    /// Not as stored: these extents.
    case changed(ExtentMap)
  }

  /// A directory's entries.
  enum Children: Sendable {
    /// Not entered yet: the tree `node.subtree`.
    case unloaded
    /// The names, and what they lead to.
    case loaded([Name: InodeNumber])
  }

  /// Whom it seems to belong to.
  enum Owner: Sendable {
    /// To the mounting user, whatever the node says: git refuses a repository that seems to be someone else's.
    case mounter
    /// To whom the node says: made or given away (chown) in this mount.
    case node
  }

  /// The attributes to store.
  var node: Node
  /// The content.
  var body: Body
  /// Whom it seems to belong to.
  var owner: Owner
  /// The directory that holds its name; 0 when there is none left. The root's is the root.
  var parent: InodeNumber
  /// One more for each further name (hard links), the same directory as often as it holds a name.
  var furtherParents: [InodeNumber] = []
  /// How many names it has, those in directories not loaded yet included.
  var linkCount: UInt32 = 1
  /// How often the kernel has looked it up without forgetting it.
  var lookupCount: UInt64 = 0
  /// How many open files there are of it.
  var openCount = 0
  /// How many of them may write. What they write must not get lost: a refresh doesn't replace the inode.
  var writerCount = 0
  /// When it, or for a directory anything beneath it, last changed; 0: as in the base snapshot.
  var changeNumber: ChangeNumber = 0

  /// How many of its names are in loaded directories.
  var knownNameCount: Int { parent == 0 ? 0 : 1 + furtherParents.count }

  /// Whether it is a directory.
  var isDirectory: Bool {
    if case .directory = body { true } else { false }
  }
}

/// An inode's number: 1 is the root, none is used twice in one mount.
typealias InodeNumber = UInt64

/// Counts the changes of a mount, from 1.
typealias ChangeNumber = UInt64
