import FuseBridge
import Glibc
import ResticCore
import SystemPackage

extension GitFileSystem {
  /// After this many forgotten inodes, some are unloaded.
  private static let forgetStep = 256

  func lookup(_ name: [UInt8], in parent: FuseInode, caller: FuseCaller) throws(Errno) -> FuseEntry {
    if let entry = try shownConfiguration(Name(name), in: parent) { return entry }
    return try tree.bookkeep("lookup") { [self] namespace throws(NamespaceError) in
      let number = try namespace.child(Name(name), of: parent)
      try requireServed(number, as: Name(name), in: parent, namespace)
      return try namespace.entry(number, mounter: mounter)
    }
  }

  func forget(_ inode: FuseInode, count: UInt64) {
    let stored = forgetShown(inode, count: count)
    tree.bookkeep { $0.forget(stored, count: count) }
    // The kernel forgets many at a time.
    let isDue = forgetCount.withLock { count in
      count += 1
      return count.isMultiple(of: Self.forgetStep)
    }
    if isDue { tree.letGo(for: Self.forgetStep) }
  }

  func makeNode(
    _ name: [UInt8], in parent: FuseInode, mode: UInt32, device: UInt64, caller: FuseCaller
  ) throws(Errno) -> FuseEntry {
    guard let type = FileMode.type(mode), type != .dir, type != .symlink else { throw .invalidArgument }
    if type != .file, rules.servesRegularFilesOnly { throw .notPermitted }
    var new = try newInode(type, mode: mode, in: parent, caller: caller)
    new.device = device
    return try make(new, name, in: parent)
  }

  func makeDirectory(
    _ name: [UInt8], in parent: FuseInode, mode: UInt32, caller: FuseCaller
  ) throws(Errno) -> FuseEntry {
    try make(newInode(.dir, mode: mode, in: parent, caller: caller), name, in: parent)
  }

  func makeSymbolicLink(
    _ name: [UInt8], in parent: FuseInode, target: [UInt8], caller: FuseCaller
  ) throws(Errno) -> FuseEntry {
    if rules.servesRegularFilesOnly { throw .notPermitted }
    var new = try newInode(.symlink, mode: 0o777, in: parent, caller: caller)
    new.linkTarget = target
    return try make(new, name, in: parent)
  }

  private func make(_ new: NewInode, _ name: [UInt8], in parent: FuseInode) throws(Errno) -> FuseEntry {
    try perform(.create(new, as: Name(name), in: parent), on: [(Name(name), parent)]) {
      [mounter] namespace, number throws(NamespaceError) in try namespace.entry(number, mounter: mounter)
    }
  }

  /// Changes these names, none of which may be a configuration file that is shown as something else.
  func perform<Result>(
    _ change: TreeChange, on names: [(name: Name, directory: InodeNumber)],
    then note: (inout sending Namespace, InodeNumber) throws(NamespaceError) -> sending Result
  ) throws(Errno) -> sending Result {
    try tree.perform(
      change,
      checking: { namespace throws(NamespaceError) in
        for (name, directory) in names { try requireChangeable(name, in: directory, namespace) }
      }, then: note)
  }

  func readSymbolicLink(_ inode: FuseInode) throws(Errno) -> [UInt8] {
    try tree.read("readlink") { namespace throws(NamespaceError) in
      let node = try namespace.inode(inode).node
      guard node.type == .symlink else { throw .refused(.invalidArgument) }
      return node.linkTarget
    }
  }

  func link(_ inode: FuseInode, as name: [UInt8], in parent: FuseInode) throws(Errno) -> FuseEntry {
    try requireStored(inode)
    return try perform(.link(inode, as: Name(name), in: parent), on: [(Name(name), parent)]) {
      [mounter] namespace, number throws(NamespaceError) in try namespace.entry(number, mounter: mounter)
    }
  }

  func unlink(_ name: [UInt8], in parent: FuseInode) throws(Errno) {
    try perform(.unlink(Name(name), in: parent), on: [(Name(name), parent)]) { _, _ throws(NamespaceError) in }
  }

  func removeDirectory(_ name: [UInt8], in parent: FuseInode) throws(Errno) {
    try tree.perform(.removeDirectory(Name(name), in: parent))
  }

  func rename(
    _ name: [UInt8], in parent: FuseInode, to newName: [UInt8], in newParent: FuseInode, mode: FuseRenameMode
  ) throws(Errno) {
    let (name, newName) = (Name(name), Name(newName))
    try perform(
      .rename(name, in: parent, to: newName, newDirectory: newParent, .init(mode)),
      on: [(name, parent), (newName, newParent)]
    ) { _, _ throws(NamespaceError) in }
  }
}

extension Namespace {
  /// The answer to a lookup, which it counts.
  mutating func entry(_ number: InodeNumber, mounter: FileOwner) throws(NamespaceError) -> FuseEntry {
    try countLookup(of: number)
    return FuseEntry(inode: number, attributes: FuseAttributes(try attributes(of: number, mounter: mounter)))
  }
}
