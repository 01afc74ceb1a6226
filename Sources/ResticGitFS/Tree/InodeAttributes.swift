import ResticCore

/// The attributes of an inode that stat(2) shows.
struct InodeAttributes: Hashable, Sendable {
  /// The number that stat(2) shows (`InodeNumbers`).
  var inodeNumber: UInt64
  /// Type and permission bits, S_IF… included.
  var mode: UInt32
  /// How many names it has; 1 for a directory.
  var linkCount: UInt32
  /// Whom it belongs to.
  var owner: FileOwner
  /// The device number of a device node.
  var device: UInt64
  /// The size in bytes.
  var byteCount: UInt64
  /// The allocated size in bytes.
  var allocatedByteCount: UInt64
  /// When it was read.
  var accessTime: Timestamp
  /// When its content was changed.
  var modificationTime: Timestamp
  /// When its attributes were changed.
  var changeTime: Timestamp
}

/// A user and a group.
struct FileOwner: Hashable, Sendable {
  /// The user.
  var userID: UInt32
  /// The group.
  var groupID: UInt32
}

/// A user and a group with their names, as restic stores them.
struct NamedOwner: Hashable, Sendable {
  /// The numbers.
  var id: FileOwner
  /// The user's name; empty if the system knows none.
  var user: String
  /// The group's name; empty if the system knows none.
  var group: String
}
