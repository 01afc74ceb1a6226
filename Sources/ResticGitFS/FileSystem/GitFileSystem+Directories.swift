import FuseBridge
import ResticCore
import SystemPackage

extension GitFileSystem {
  /// Up to so many entries a directory is listed anew each time: it takes one request or two, and those bring the files'
  /// attributes, too. With the writeback cache the kernel forgets a file's block count when it is closed, and would ask
  /// for each file's attributes by themselves, as git looks at every loose ref before it opens it.
  private static let relistedEntryCount = 256

  func openDirectory(_ inode: FuseInode) throws(Errno) -> FuseOpenFile {
    let entryCount = try tree.read("opendir") { namespace throws(NamespaceError) in
      let children = try namespace.children(of: inode)
      try namespace.open(inode, forWriting: false)
      return children.count
    }
    return FuseOpenFile(handle: listings.withLock { $0.open() }, keepsCache: entryCount > Self.relistedEntryCount)
  }

  func readDirectory(
    _ inode: FuseInode, handle: FuseHandle, offset: UInt64, countLookups: Bool, emit: (FuseDirectoryEntry) -> Bool
  ) throws(Errno) {
    let entries = try entries(of: inode, handle: handle, restarting: offset == 0)
    guard offset < UInt64(entries.count) else { return }
    try tree.read("readdir") { [mounter] namespace throws(NamespaceError) in
      let children = try namespace.children(of: inode)
      for index in Int(offset)..<entries.count {
        let entry = entries[index]
        let isDot = index < 2
        // Removed since reading began: there is nothing left to look up.
        guard isDot || children[Name(entry.name)] == entry.inode else { continue }
        let attributes = try namespace.attributes(of: entry.inode, mounter: mounter)
        guard emit(FuseDirectoryEntry(name: entry.name, attributes: attributes, nextOffset: UInt64(index) + 1)) else {
          return
        }
        if countLookups, !isDot { try namespace.countLookup(of: entry.inode) }
      }
    }
  }

  /// The names that were there when reading began, `.` and `..` first.
  private func entries(
    of inode: FuseInode, handle: FuseHandle, restarting: Bool
  ) throws(Errno) -> [DirectoryListings.Entry] {
    if !restarting, let entries = listings.withLock({ $0.entries(of: handle) }) { return entries }
    let entries = try tree.read("readdir") { namespace throws(NamespaceError) in
      let parent = try namespace.inode(inode).parent
      var entries = [
        DirectoryListings.Entry(name: Array(".".utf8), inode: inode),
        DirectoryListings.Entry(name: Array("..".utf8), inode: parent == 0 ? inode : parent),
      ]
      for (name, child) in try namespace.children(of: inode) {
        entries.append(DirectoryListings.Entry(name: name.bytes, inode: child))
      }
      return entries
    }
    listings.withLock { $0.begin(entries, on: handle) }
    return entries
  }

  func releaseDirectory(_ inode: FuseInode, handle: FuseHandle) {
    listings.withLock { $0.close(handle) }
    tree.inspect { $0.release(inode, forWriting: false) }
  }

  /// On the root: commits, and waits. Elsewhere it makes nothing durable, like fsync of a file.
  func synchronizeDirectory(_ inode: FuseInode, handle: FuseHandle, dataOnly: Bool) throws(Errno) {
    if inode == Namespace.root { try committer.commitAndWait() }
  }
}
