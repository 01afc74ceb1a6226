import FuseBridge
import ResticCore
import SystemPackage

/// git's configuration files on a mount whose rules require it: shown as `SafeConfiguration`, and never changed. The
/// stored files go into the next snapshot unchanged.
extension GitFileSystem {
  private static let names: Set<Name> = ["config", "config.worktree"]

  /// The stored inode behind an inode that the kernel names.
  func stored(_ inode: FuseInode) -> InodeNumber { ShownConfigurations.stored(of: inode) ?? inode }

  /// The text shown for `inode`; nil if it is shown as stored.
  func shownText(of inode: FuseInode) -> [UInt8]? {
    ShownConfigurations.stored(of: inode).flatMap { stored in configurations.withLock { $0.text(of: stored) } }
  }

  /// The attributes of a stored inode that is shown as `text`.
  func shown(_ attributes: FuseAttributes, text: [UInt8]) -> FuseAttributes {
    var shown = attributes
    shown.mode &= ~0o222
    shown.byteCount = UInt64(text.count)
    shown.blockCount = UInt64(text.count + 511) / 512
    return shown
  }

  /// Takes back lookups of a shown file. Returns the stored inode.
  func forgetShown(_ inode: FuseInode, count: UInt64) -> InodeNumber {
    guard let stored = ShownConfigurations.stored(of: inode) else { return inode }
    configurations.withLock { $0.forget(stored, count: count) }
    return stored
  }

  /// Throws EPERM for a file that is shown instead of a stored one: it cannot be changed.
  func requireStored(_ inode: FuseInode) throws(Errno) {
    if ShownConfigurations.stored(of: inode) != nil { throw .notPermitted }
  }

  /// Throws EPERM if `name` is that of a configuration file: it cannot be created, removed or replaced.
  func requireChangeable(
    _ name: Name, in directory: InodeNumber, _ namespace: borrowing Namespace
  ) throws(NamespaceError) {
    if try isConfiguration(name, in: directory, namespace) { throw .refused(.notPermitted) }
  }

  /// Throws ESTALE if the kernel opens a stored file that has become a configuration file: the kernel then looks the
  /// name up again.
  func requireShown(_ inode: FuseInode, _ namespace: borrowing Namespace) throws(NamespaceError) {
    guard rules.showsSafeConfiguration, ShownConfigurations.stored(of: inode) == nil else { return }
    let found = try namespace.inode(inode)
    for directory in [found.parent] + found.furtherParents where directory != 0 {
      let children = try namespace.children(of: directory)
      for name in Self.names where children[name] == inode {
        if try isConfiguration(name, in: directory, namespace) { throw .refused(.staleNFSFileHandle) }
      }
    }
  }

  /// Whether `name` is a configuration file in a directory that git considers a repository, the part of one that
  /// belongs to a work tree, or the common part of several, and such files are shown.
  ///
  /// git looks for `HEAD` in the first two only, so a file `commondir` may name a directory without one.
  /// Source: setup.c of git 2.39 (`is_git_directory`), which accepts anything that access(2) calls executable.
  func isConfiguration(
    _ name: Name, in directory: InodeNumber, _ namespace: borrowing Namespace
  ) throws(NamespaceError) -> Bool {
    guard rules.showsSafeConfiguration, Self.names.contains(name) else { return false }
    let children = try namespace.children(of: directory)
    if children["HEAD"] != nil, children["commondir"] != nil { return true }
    for part: Name in ["objects", "refs"] {
      guard let number = children[part] else { return false }
      let node = try namespace.inode(number).node
      // A link may lead to a directory.
      if node.type == .file, node.mode & 0o111 == 0 { return false }
    }
    return true
  }

  /// The answer to the lookup of a configuration file, whose lookup it counts; nil for any other name.
  func shownConfiguration(_ name: Name, in directory: FuseInode) throws(Errno) -> FuseEntry? {
    guard rules.showsSafeConfiguration, Self.names.contains(name) else { return nil }
    let number = try tree.read("lookup") { [self] namespace throws(NamespaceError) in
      try isConfiguration(name, in: directory, namespace) ? namespace.optionalChild(name, of: directory) : nil
    }
    guard let number else { return nil }
    let known = configurations.withLock { $0.text(of: number) }
    let text = if let known { known } else { try safeText(of: number, name, in: directory) }
    let attributes = try tree.bookkeep("lookup") { [mounter] namespace throws(NamespaceError) in
      let attributes = FuseAttributes(try namespace.attributes(of: number, mounter: mounter))
      try namespace.countLookup(of: number)
      return attributes
    }
    let counted = configurations.withLock { $0.countLookup(of: number, text: text) }
    return FuseEntry(inode: ShownConfigurations.number(of: number), attributes: shown(attributes, text: counted))
  }

  /// The text to show for a stored configuration file.
  private func safeText(of number: InodeNumber, _ name: Name, in directory: InodeNumber) throws(Errno) -> [UInt8] {
    let (attributes, path) = try tree.bookkeep("lookup") { [self] namespace throws(NamespaceError) in
      let path = namespace.path(of: name, in: directory)
      guard try namespace.inode(number).node.type == .file else {
        refusals.note("\(path) is not a regular file; \(RefusalRecord.wayOut)")
        throw .refused(.notPermitted)
      }
      try namespace.open(number, forWriting: false)
      return (try namespace.attributes(of: number, mounter: mounter), path)
    }
    defer { tree.bookkeep { $0.release(number, forWriting: false) } }
    guard attributes.byteCount <= SafeConfiguration.byteLimit else {
      refusals.note("\(path) is larger than \(SafeConfiguration.byteLimit >> 10) KiB; \(RefusalRecord.wayOut)")
      throw .notPermitted
    }
    let bytes: ArraySlice<UInt8>
    do {
      bytes = try files.bytes(of: number, in: 0..<SafeConfiguration.byteLimit)
    } catch {
      // A caller that has given up can ask again.
      if error != .interrupted { refusals.note("\(path) cannot be read: \(error)") }
      throw error
    }
    do {
      return try SafeConfiguration(of: Array(bytes)).text
    } catch {
      refusals.note("\(path) \(error); \(RefusalRecord.wayOut)")
      throw .notPermitted
    }
  }
}
