import ResticCore

/// An identity that the kernel sees: its attributes, its body, the names that lead to it and the references that hold
/// it.
///
/// `Node` is its stored form: `node` holds the attributes. The node's `name` is one that the inode once had; `content`,
/// `size` and `subtree` are valid only while the body is unchanged. Only `Namespace` writes `parents` and `linkCount`.
struct Inode: Sendable {
  /// The kind of file, and its content.
  enum Body: Sendable {
    /// A regular file.
    case file(FileBody)
    /// A directory.
    case directory(Children)
    /// A symbolic link, device node, fifo or socket: `node` has everything.
    case special
  }

  /// Where the content of a regular file is described.
  enum FileBody: Sendable {
    /// As stored: `node.content`.
    case stored
    /// As stored, and being read: the extents of `node.content`.
    case resolved(ExtentMap)
    /// Changed: these extents.
    case changed(ExtentMap)
  }

  /// The entries of a directory.
  enum Children: Sendable {
    /// Not loaded yet: the tree `node.subtree`.
    case unloaded
    /// The names, and the inodes that they lead to.
    case loaded([Name: InodeNumber])
  }

  /// The owner that is shown.
  enum Owner: Sendable {
    /// The mounting user, whatever the node says: git refuses a repository that seems to belong to another user.
    case mounter
    /// The node's owner: the file was created, or its owner changed (chown), in this mount.
    case node
  }

  /// The attributes to store.
  var node: Node
  /// The content.
  var body: Body
  /// The owner that is shown.
  var owner: Owner
  /// The directory that holds its name; 0 if no name is left. The root is its own parent.
  var parent: InodeNumber
  /// The directories of its further names (hard links), one for each name.
  var furtherParents: [InodeNumber] = []
  /// How many names it has, including those in directories that are not loaded yet.
  var linkCount: UInt32 = 1
  /// How often the kernel has looked it up without forgetting it.
  var lookupCount: UInt64 = 0
  /// How many open files refer to it.
  var openCount = 0
  /// How many of them may write. Their writes must not be lost, so a refresh does not replace the inode.
  var writerCount = 0
  /// The last change of it, or for a directory of anything beneath it; 0: as in the base snapshot.
  var changeNumber: ChangeNumber = 0

  /// How many of its names are in loaded directories.
  var knownNameCount: Int { parent == 0 ? 0 : 1 + furtherParents.count }

  /// Whether it is a directory.
  var isDirectory: Bool {
    if case .directory = body { true } else { false }
  }
}

/// An inode's number: 1 is the root, and no number is used twice in one mount.
typealias InodeNumber = UInt64

/// Counts the changes of a mount, from 1.
typealias ChangeNumber = UInt64
