import ResticCore

/// What a commit writes: the changed part of the tree at one instant, as values that no later change reaches.
struct FrozenTree: Sendable {
  /// The root directory.
  var root: Directory
  /// Changes with a higher number came later.
  var changeNumber: ChangeNumber
  /// How many files have content to store.
  var changedFileCount = 0
  /// Their sizes in bytes, added up.
  var changedByteCount: UInt64 = 0

  /// A changed directory.
  struct Directory: Sendable {
    /// The inode.
    var inode: InodeNumber
    /// Its attributes.
    var node: Node
    /// Everything in it that a snapshot holds.
    var entries: [Entry] = []
  }

  /// Something in a changed directory.
  enum Entry: Sendable {
    /// Stored already. Untouched is what is as it was in the base snapshot, place and name included; not all of that is
    /// known to be.
    case stored(Node, isUntouched: Bool)
    /// A file whose content has to be stored.
    case file(InodeNumber, Node, ExtentMap)
    /// A directory with something changed beneath.
    case directory(Directory)
  }
}
