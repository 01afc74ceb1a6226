import ResticCore

extension Namespace {
  /// Applies `change` at `time`, and returns its inode: the new one, the changed one, or the one whose name is removed
  /// or moved. Throws before anything is changed.
  ///
  /// Nothing else changes the content of the next snapshot, and only this method calls the methods that begin with
  /// `apply`.
  mutating func apply(_ change: TreeChange, at time: Timestamp) throws(NamespaceError) -> InodeNumber {
    switch change {
    case .create(let new, let name, let directory):
      return try applyCreate(new, as: name, in: directory, at: time)
    case .link(let inode, let name, let directory):
      return try applyLink(inode, as: name, in: directory, at: time)
    case .unlink(let name, let directory):
      return try applyUnlink(name, in: directory, at: time)
    case .removeDirectory(let name, let directory):
      return try applyRemoveDirectory(name, in: directory, at: time)
    case .rename(let name, let directory, let newName, let newDirectory, let mode):
      return try applyRename(name, in: directory, to: newName, in: newDirectory, mode: mode, at: time)
    case .write(let bytes, let inode, let offset):
      try applyWrite(bytes, to: inode, at: offset, time)
      return inode
    case .allocate(let range, let inode, let zeroes, let extends):
      try applyAllocation(of: range, in: inode, zeroes: zeroes, extends: extends, at: time)
      return inode
    case .setAttributes(let changes, let inode):
      try applyAttributes(changes, to: inode, at: time)
      return inode
    case .setExtendedAttribute(let name, let inode, let value, let mode):
      try applyExtendedAttribute(name, of: inode, value: value, mode, at: time)
      return inode
    case .removeExtendedAttribute(let name, let inode):
      try applyExtendedAttribute(name, of: inode, value: nil, .replace, at: time)
      return inode
    }
  }
}
