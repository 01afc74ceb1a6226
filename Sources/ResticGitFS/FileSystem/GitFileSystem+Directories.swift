import FuseBridge
import Glibc
import ResticCore
import SystemPackage

extension GitFileSystem {
  /// A directory with up to this many entries is listed again each time: that takes one request or two, which also
  /// return the files' attributes. A larger directory is listed again if a file in it was closed. With the writeback
  /// cache, the kernel forgets a file's block count when the file is closed, and would request each file's attributes
  /// separately, as git checks every loose ref before it opens it.
  private static let relistedEntryCount = 256

  /// Set in the handles of directories that were opened as sync(1) opens its arguments: with O_NONBLOCK, which has no
  /// other meaning for a directory. Databases and git do not use it.
  /// Source: coreutils src/sync.c, sync_arg.
  private static let isOfSync: FuseHandle = 1 << 63

  func openDirectory(_ inode: FuseInode, flags: Int32) throws(Errno) -> FuseOpenFile {
    let entryCount = try tree.bookkeep("opendir") { [self] namespace throws(NamespaceError) in
      let children = try namespace.children(of: inode)
      try requireRoom(namespace)
      try namespace.open(inode, forWriting: false)
      return children.count
    }
    let (handle, hasClosedFiles) = listings.withLock { ($0.open(inode), $0.takeClosedFiles(of: inode)) }
    return FuseOpenFile(
      handle: handle | (flags & O_NONBLOCK != 0 ? Self.isOfSync : 0),
      keepsCache: entryCount > Self.relistedEntryCount && !hasClosedFiles)
  }

  /// A name is listed with the inode that it leads to at this moment, which a rename or a refresh may have changed.
  func readDirectory(
    _ inode: FuseInode, handle: FuseHandle, offset: UInt64, countLookups: Bool, emit: (FuseDirectoryEntry) -> Bool
  ) throws(Errno) {
    let handle = handle == .silent ? DirectoryListings.silentHandle(of: inode) : handle
    let (listing, entries) = try listing(of: inode, handle: handle, from: offset)
    let end = try tree.bookkeep("readdir") { [self] namespace throws(NamespaceError) in
      let children = try namespace.children(of: inode)
      try requireRoom(namespace)
      var end = offset
      /// Lists an entry that comes after `offset`; returns false if there is no room for it.
      func list(
        _ name: [UInt8], _ number: InodeNumber, _ next: UInt64, carriesLookup: Bool = true
      ) throws(NamespaceError) -> Bool {
        guard next > offset else { return true }
        let attributes = FuseAttributes(try namespace.attributes(of: number, mounter: mounter))
        var entry = FuseDirectoryEntry(name: name, inode: number, attributes: attributes, nextOffset: next)
        entry.carriesLookup = carriesLookup
        guard emit(entry) else { return false }
        end = next
        return true
      }
      let (dot, dotDot) = DirectoryListings.dotOffsets
      guard try list(Array(".".utf8), inode, dot) else { return end }
      guard try list(Array("..".utf8), namespace.parent(of: inode), dotDot) else { return end }
      for entry in entries[entries.firstIndex(after: offset)...] {
        guard let number = children[entry.name] else { continue }  // removed since reading began
        // For some entries, the lookup decides what is shown.
        let carriesLookup = !isSpecial(number, as: entry.name, in: inode, namespace)
        guard try list(entry.name.bytes, number, entry.offset, carriesLookup: carriesLookup) else { return end }
        if countLookups, carriesLookup { try namespace.countLookup(of: number) }
      }
      return end
    }
    listings.withLock { $0.note(listing, answered: offset...end, on: handle) }
  }

  /// The listing of `handle`: the names that existed when reading began.
  private func listing(
    of inode: FuseInode, handle: FuseHandle, from offset: UInt64
  ) throws(Errno) -> (DirectoryListings.Listing, [DirectoryListings.Entry]) {
    var listing = listings.withLock { $0.listing(of: handle, in: inode, from: offset) }
    if let entries = listing.entries { return (listing, entries) }
    let names = try tree.read("readdir") { namespace throws(NamespaceError) in
      Array(try namespace.children(of: inode).keys)
    }
    let entries = DirectoryListings.entries(names)
    listing.entries = entries
    return (listing, entries)
  }

  func releaseDirectory(_ inode: FuseInode, handle: FuseHandle) {
    listings.withLock { $0.close(handle, of: inode) }
    tree.bookkeep { $0.release(inode, forWriting: false) }
  }

  /// On the root: commits and waits, for a program as often as `FsyncLimit` allows. Elsewhere it does not make anything
  /// durable, like fsync of a file.
  func synchronizeDirectory(_ inode: FuseInode, handle: FuseHandle, dataOnly: Bool) throws(Errno) {
    guard inode == Namespace.root else { return }
    // It is unknown how a directory was opened that the kernel opened without a request. There is nothing to save then.
    if handle == .silent || handle & Self.isOfSync != 0 {
      try committer.commitAndWait()
    } else {
      try committer.commitForProgram()
    }
  }
}

extension Namespace {
  /// The directory above one; the directory itself if there is none, as for the root and for removed directories.
  fileprivate func parent(of directory: InodeNumber) throws(NamespaceError) -> InodeNumber {
    let parent = try inode(directory).parent
    return inodes[parent] == nil ? directory : parent
  }
}

extension [DirectoryListings.Entry] {
  /// The index of the first entry whose offset is higher.
  fileprivate func firstIndex(after offset: UInt64) -> Int {
    var (low, high) = (startIndex, endIndex)
    while low < high {
      let middle = (low + high) / 2
      if self[middle].offset <= offset { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
