import FuseBridge
import Glibc
import ResticCore
import SystemPackage

/// Extended attributes: `user.*` are the file system's; others in a snapshot are kept, but neither shown nor changed.
///
/// On the root, `user.restic.*` report the state of the mount. They are not listed, so that programs do not copy them.
/// Reading `user.restic.commit` returns the status after everything is saved.
extension GitFileSystem {
  func setExtendedAttribute(
    _ name: [UInt8], of inode: FuseInode, to value: [UInt8], flags: Int32
  ) throws(Errno) {
    let name = try userAttribute(name)
    if inode == Namespace.root { throw .notPermitted }
    try requireStored(inode)
    guard let mode = TreeChange.ExtendedAttributeMode(flags: flags) else { throw .invalidArgument }
    try tree.perform(.setExtendedAttribute(name, of: inode, to: value, mode))
  }

  func extendedAttribute(_ name: [UInt8], of inode: FuseInode) throws(Errno) -> [UInt8] {
    guard let name = try? userAttribute(name) else { throw .noData }  // the kernel asks for security.* by itself
    if inode == Namespace.root, name == "user.restic.commit" { try committer.commitAndWait() }
    if inode == Namespace.root, let value = committer.statusAttribute(name) { return value }
    return try tree.read("getxattr") { [self] namespace throws(NamespaceError) in
      guard let attribute = try namespace.inode(stored(inode)).node.extendedAttributes.first(where: { $0.name == name })
      else {
        throw .refused(.noData)
      }
      return attribute.value
    }
  }

  func extendedAttributeNames(of inode: FuseInode) throws(Errno) -> [[UInt8]] {
    try tree.read("listxattr") { [self] namespace throws(NamespaceError) in
      let attributes = try namespace.inode(stored(inode)).node.extendedAttributes
      return attributes.map(\.name.bytes).filter { $0.starts(with: Self.userPrefix) }
    }
  }

  func removeExtendedAttribute(_ name: [UInt8], of inode: FuseInode) throws(Errno) {
    let name = try userAttribute(name)
    try requireStored(inode)
    try tree.perform(.removeExtendedAttribute(name, of: inode))
  }

  private static let userPrefix = Array("user.".utf8)

  /// The name of an attribute of the file system. restic stores names as text, so they must be UTF-8.
  private func userAttribute(_ name: [UInt8]) throws(Errno) -> Name {
    guard name.starts(with: Self.userPrefix), String(validating: name, as: UTF8.self) != nil else {
      throw .notSupported
    }
    return Name(name)
  }
}
