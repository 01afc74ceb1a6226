import FuseBridge
import Glibc
import ResticCore
import SystemPackage

extension GitFileSystem {
  func lookup(_ name: [UInt8], in parent: FuseInode, caller: FuseCaller) throws(Errno) -> FuseEntry {
    if let entry = try shownConfiguration(Name(name), in: parent) { return entry }
    return try tree.read("lookup") { [self] namespace throws(NamespaceError) in
      let number = try namespace.child(Name(name), of: parent)
      try requireServed(number, as: Name(name), in: parent, namespace)
      return try namespace.entry(number, mounter: mounter)
    }
  }

  func forget(_ inode: FuseInode, count: UInt64) {
    let stored = forgetShown(inode, count: count)
    tree.inspect { $0.forget(stored, count: count) }
  }

  func makeNode(
    _ name: [UInt8], in parent: FuseInode, mode: UInt32, device: UInt64, caller: FuseCaller
  ) throws(Errno) -> FuseEntry {
    guard let type = FileMode.type(mode), type != .dir, type != .symlink else { throw .invalidArgument }
    if type != .file, rules.servesRegularFilesOnly { throw .notPermitted }
    var node = try newNode(type, mode: type == .file ? mode | S_IFREG : mode, in: parent, caller: caller)
    node.device = device
    return try make(node, name, in: parent, operation: "mknod")
  }

  func makeDirectory(
    _ name: [UInt8], in parent: FuseInode, mode: UInt32, caller: FuseCaller
  ) throws(Errno) -> FuseEntry {
    try make(newNode(.dir, mode: mode | S_IFDIR, in: parent, caller: caller), name, in: parent, operation: "mkdir")
  }

  func makeSymbolicLink(
    _ name: [UInt8], in parent: FuseInode, target: [UInt8], caller: FuseCaller
  ) throws(Errno) -> FuseEntry {
    if rules.servesRegularFilesOnly { throw .notPermitted }
    var node = try newNode(.symlink, mode: S_IFLNK | 0o777, in: parent, caller: caller)
    node.linkTarget = target
    return try make(node, name, in: parent, operation: "symlink")
  }

  private func make(
    _ node: Node, _ name: [UInt8], in parent: FuseInode, operation: StaticString
  ) throws(Errno) -> FuseEntry {
    try tree.change(operation) { [self] namespace throws(NamespaceError) in
      try requireChangeable(Name(name), in: parent, namespace)
      let number = try namespace.create(node, as: Name(name), in: parent, at: .now())
      return try namespace.entry(number, mounter: mounter)
    }
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
    return try tree.change("link") { [self] namespace throws(NamespaceError) in
      try requireChangeable(Name(name), in: parent, namespace)
      try namespace.link(inode, as: Name(name), in: parent, at: .now())
      return try namespace.entry(inode, mounter: mounter)
    }
  }

  func unlink(_ name: [UInt8], in parent: FuseInode) throws(Errno) {
    try tree.change("unlink") { [self] namespace throws(NamespaceError) in
      try requireChangeable(Name(name), in: parent, namespace)
      try namespace.unlink(Name(name), in: parent, at: .now())
    }
  }

  func removeDirectory(_ name: [UInt8], in parent: FuseInode) throws(Errno) {
    try tree.change("rmdir") { namespace throws(NamespaceError) in
      try namespace.removeDirectory(Name(name), in: parent, at: .now())
    }
  }

  func rename(
    _ name: [UInt8], in parent: FuseInode, to newName: [UInt8], in newParent: FuseInode, mode: FuseRenameMode
  ) throws(Errno) {
    try tree.change("rename") { [self] namespace throws(NamespaceError) in
      try requireChangeable(Name(name), in: parent, namespace)
      try requireChangeable(Name(newName), in: newParent, namespace)
      try namespace.rename(Name(name), in: parent, to: Name(newName), in: newParent, mode: mode, at: .now())
    }
  }
}

extension Namespace {
  /// The answer to a lookup, which it counts.
  mutating func entry(_ number: InodeNumber, mounter: FuseCaller) throws(NamespaceError) -> FuseEntry {
    try countLookup(of: number)
    return FuseEntry(inode: number, attributes: try attributes(of: number, mounter: mounter))
  }
}
