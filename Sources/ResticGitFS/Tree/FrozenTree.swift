import ResticCore

/// The input of a commit: the changed part of the tree at one instant, as values that later changes do not affect.
struct FrozenTree: Sendable {
  /// The root directory.
  var root: Directory
  /// Later changes have higher numbers.
  var changeNumber: ChangeNumber
  /// How many files have content to store.
  var changedFileCount = 0
  /// The sum of their sizes in bytes.
  var changedByteCount: UInt64 = 0

  /// A changed directory.
  struct Directory: Sendable {
    /// The inode.
    var inode: InodeNumber
    /// Its attributes.
    var node: Node
    /// All of its entries that belong into a snapshot.
    var entries: [Entry] = []
  }

  /// An entry of a changed directory.
  enum Entry: Sendable {
    /// An entry that is already stored. It is untouched if it is as in the base snapshot, place and name included; not
    /// every such entry is recognized.
    case stored(Node, isUntouched: Bool)
    /// A file whose content has to be stored.
    case file(InodeNumber, Node, ExtentMap)
    /// A directory with something changed beneath.
    case directory(Directory)
  }
}
