public import SystemPackage

/// What a file system answers to the kernel: one synchronous method for each request, errors as `Errno`, no C types.
///
/// `FuseOperations` decodes the request, calls one of these methods on a worker thread, and replies with the result.
/// Several threads may call the methods at once. Names are raw bytes as the kernel sends them: 1 to 255 bytes without
/// `/` and NUL. A method that returns a `FuseEntry` has counted one lookup of that inode; a method that returns a
/// `FuseOpenFile` has opened the file. If the reply does not reach the kernel, the bridge undoes both with `forget` and
/// `release`/`releaseDirectory`.
///
/// On a read-only mount, a kernel that supports it opens files and directories without a request. Then `open`,
/// `release`, `openDirectory` and `releaseDirectory` are never called, and all other requests come with
/// `FuseHandle.silent`.
public protocol FuseFileSystem: Sendable {
  /// The memory that requests are read into.
  var requestMemory: any FuseMemory { get }

  /// Finds `name` in `parent` and counts a lookup.
  func lookup(_ name: [UInt8], in parent: FuseInode, caller: FuseCaller) throws(Errno) -> FuseEntry
  /// Takes back `count` lookups.
  func forget(_ inode: FuseInode, count: UInt64)
  /// The attributes of `inode`.
  func attributes(of inode: FuseInode, handle: FuseHandle?) throws(Errno) -> FuseAttributes
  /// Applies the fields set in `changes`, and returns all attributes.
  func setAttributes(
    of inode: FuseInode, to changes: FuseAttributeChanges, caller: FuseCaller
  ) throws(Errno) -> FuseAttributes

  /// The target of a symbolic link.
  func readSymbolicLink(_ inode: FuseInode) throws(Errno) -> [UInt8]
  /// Makes a fifo, socket, device node or empty regular file. `mode` holds type and permissions, umask applied.
  func makeNode(
    _ name: [UInt8], in parent: FuseInode, mode: UInt32, device: UInt64, caller: FuseCaller
  ) throws(Errno) -> FuseEntry
  /// Makes a directory.
  func makeDirectory(_ name: [UInt8], in parent: FuseInode, mode: UInt32, caller: FuseCaller) throws(Errno) -> FuseEntry
  /// Makes a symbolic link to `target`.
  func makeSymbolicLink(
    _ name: [UInt8], in parent: FuseInode, target: [UInt8], caller: FuseCaller
  ) throws(Errno) -> FuseEntry
  /// Makes another name for `inode`.
  func link(_ inode: FuseInode, as name: [UInt8], in parent: FuseInode) throws(Errno) -> FuseEntry
  /// Removes a name that is not a directory's.
  func unlink(_ name: [UInt8], in parent: FuseInode) throws(Errno)
  /// Removes an empty directory.
  func removeDirectory(_ name: [UInt8], in parent: FuseInode) throws(Errno)
  /// Moves a name, replacing, refusing or exchanging as `mode` says.
  func rename(
    _ name: [UInt8], in parent: FuseInode, to newName: [UInt8], in newParent: FuseInode, mode: FuseRenameMode
  ) throws(Errno)

  /// Opens a file. `flags` are those of open(2), adapted to the writeback cache: never O_TRUNC (a change of attributes
  /// comes first) or O_APPEND, and O_RDWR instead of O_WRONLY, because the kernel reads a page before it changes part
  /// of the page.
  func open(_ inode: FuseInode, flags: Int32) throws(Errno) -> FuseOpenFile
  /// Makes a regular file and opens it for reading and writing, whatever permissions `mode` gives. `flags` are those of
  /// `open`.
  func create(
    _ name: [UInt8], in parent: FuseInode, mode: UInt32, flags: Int32, caller: FuseCaller
  ) throws(Errno) -> (entry: FuseEntry, file: FuseOpenFile)
  /// Up to `byteCount` bytes at `offset`; fewer only at the end of the file.
  func read(_ inode: FuseInode, handle: FuseHandle, offset: UInt64, byteCount: Int) throws(Errno) -> ArraySlice<UInt8>
  /// Writes all of `written` at `offset`.
  func write(
    _ inode: FuseInode, handle: FuseHandle, offset: UInt64, _ written: FuseWrittenBytes
  ) throws(Errno)
  /// Ends `handle`: its last descriptor was closed.
  func release(_ inode: FuseInode, handle: FuseHandle)
  /// Makes a file durable.
  func synchronize(_ inode: FuseInode, handle: FuseHandle, dataOnly: Bool) throws(Errno)
  /// Allocates or punches a range, as fallocate(2)'s `mode` says.
  func allocate(
    _ inode: FuseInode, handle: FuseHandle, mode: Int32, offset: UInt64, byteCount: UInt64
  ) throws(Errno)

  /// Opens a directory; `flags` are those of open(2). With `keepsCache` the kernel may list the directory from its
  /// cache. The kernel drops that cache when something changes through the mount; after any other change, invalidate
  /// the directory's inode (`FuseNotifier`).
  func openDirectory(_ inode: FuseInode, flags: Int32) throws(Errno) -> FuseOpenFile
  /// Calls `emit` with the entries from `offset` on until `emit` returns false (the buffer is full) or no entry is
  /// left.
  ///
  /// The file system emits `.` and `..` like every other entry, first at offset 0. Offsets stay valid while names are
  /// added and removed: an entry that was there all the time is emitted once. An entry's `nextOffset` is where a later
  /// call continues after the entry. With `countLookups`, each entry for which `emit` returned true has been looked up
  /// once, except `.`, `..` and entries that carry no lookup. So count the lookup after `emit` returned true.
  func readDirectory(
    _ inode: FuseInode, handle: FuseHandle, offset: UInt64, countLookups: Bool, emit: (FuseDirectoryEntry) -> Bool
  ) throws(Errno)
  /// Ends a directory's `handle`: its last descriptor was closed.
  func releaseDirectory(_ inode: FuseInode, handle: FuseHandle)
  /// Makes a directory durable.
  func synchronizeDirectory(_ inode: FuseInode, handle: FuseHandle, dataOnly: Bool) throws(Errno)

  /// Sizes and limits of the file system.
  func statistics() throws(Errno) -> FuseStatistics

  /// Sets an extended attribute. `flags` are setxattr(2)'s.
  func setExtendedAttribute(
    _ name: [UInt8], of inode: FuseInode, to value: [UInt8], flags: Int32
  ) throws(Errno)
  /// An extended attribute's value.
  func extendedAttribute(_ name: [UInt8], of inode: FuseInode) throws(Errno) -> [UInt8]
  /// The names of all extended attributes.
  func extendedAttributeNames(of inode: FuseInode) throws(Errno) -> [[UInt8]]
  /// Removes an extended attribute.
  func removeExtendedAttribute(_ name: [UInt8], of inode: FuseInode) throws(Errno)

  /// The mount is gone, and no request is running.
  ///
  /// The kernel sends no FORGET and no RELEASE for the inodes and handles that it still had, so all lookup counts
  /// (except the root's) and all handles end here. A later session over the same file system starts from nothing.
  func connectionEnded()
}

extension FuseFileSystem {
  /// Does nothing: for a file system that ends with its mount.
  public func connectionEnded() {}
}
