import FuseBridge
import Glibc
import ResticCore
import SystemPackage

extension GitFileSystem {
  func lookup(_ name: [UInt8], in parent: FuseInode, caller: FuseCaller) throws(Errno) -> FuseEntry {
    try tree.read("lookup") { [mounter] namespace throws(NamespaceError) in
      let number = try namespace.child(Name(name), of: parent)
      return try namespace.entry(number, mounter: mounter)
    }
  }

  func forget(_ inode: FuseInode, count: UInt64) {
    tree.inspect { $0.forget(inode, count: count) }
  }

  func makeNode(
    _ name: [UInt8], in parent: FuseInode, mode: UInt32, device: UInt64, caller: FuseCaller
  ) throws(Errno) -> FuseEntry {
    guard let type = FileMode.type(mode), type != .dir, type != .symlink else { throw .invalidArgument }
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
    var node = try newNode(.symlink, mode: S_IFLNK | 0o777, in: parent, caller: caller)
    node.linkTarget = target
    return try make(node, name, in: parent, operation: "symlink")
  }

  private func make(
    _ node: Node, _ name: [UInt8], in parent: FuseInode, operation: StaticString
  ) throws(Errno) -> FuseEntry {
    try tree.change(operation) { [mounter] namespace throws(NamespaceError) in
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
    try tree.change("link") { [mounter] namespace throws(NamespaceError) in
      try namespace.link(inode, as: Name(name), in: parent, at: .now())
      return try namespace.entry(inode, mounter: mounter)
    }
  }

  func unlink(_ name: [UInt8], in parent: FuseInode) throws(Errno) {
    try tree.change("unlink") { namespace throws(NamespaceError) in
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
    try tree.change("rename") { namespace throws(NamespaceError) in
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
