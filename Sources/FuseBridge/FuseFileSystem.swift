public import SystemPackage

/// What a file system answers the kernel: one synchronous method a request, errors as `Errno`, no C types.
///
/// `FuseOperations` decodes the request, calls one of these on a worker thread, and replies with what it returned. Every
/// method may be called from several threads at once. Names are raw bytes, 1 to 255 of them, without `/` and NUL, as the
/// kernel gives them. A method that returns a `FuseEntry` has counted one lookup of that inode; a method that returns a
/// `FuseOpenFile` has opened it: when the reply does not reach the kernel, the bridge undoes both with `forget` and
/// `release`/`releaseDirectory`.
///
/// On a mount that is read-only the kernel opens files and directories without a word, if it knows how. Then `open`, `release`,
/// `openDirectory` and `releaseDirectory` are never called, and everything else comes with `FuseHandle.silent`.
public protocol FuseFileSystem: Sendable {
  /// What requests are read into.
  var requestMemory: any FuseMemory { get }

  /// Finds `name` in `parent` and counts a lookup.
  func lookup(_ name: [UInt8], in parent: FuseInode, caller: FuseCaller) throws(Errno) -> FuseEntry
  /// Takes back `count` lookups.
  func forget(_ inode: FuseInode, count: UInt64)
  /// The attributes of `inode`.
  func attributes(of inode: FuseInode, handle: FuseHandle?) throws(Errno) -> FuseAttributes
  /// Changes what `changes` names, and returns all attributes.
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

  /// Opens a file. `flags` are open(2)'s, made fit for the writeback cache: never O_TRUNC (a change of attributes comes
  /// first) nor O_APPEND, and O_RDWR for O_WRONLY, as the kernel reads what it changes only in part.
  func open(_ inode: FuseInode, flags: Int32) throws(Errno) -> FuseOpenFile
  /// Makes a regular file and opens it for reading and writing, whatever permissions `mode` gives. `flags` are as in
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
  /// The last descriptor of `handle` is gone.
  func release(_ inode: FuseInode, handle: FuseHandle)
  /// Makes a file durable.
  func synchronize(_ inode: FuseInode, handle: FuseHandle, dataOnly: Bool) throws(Errno)
  /// Allocates or punches, as fallocate(2)'s `mode` says.
  func allocate(
    _ inode: FuseInode, handle: FuseHandle, mode: Int32, offset: UInt64, byteCount: UInt64
  ) throws(Errno)

  /// Opens a directory; `flags` are open(2)'s. With `keepsCache` the kernel may list it from its cache: it drops the cache when something changes
  /// through the mount; for other changes invalidate the directory's inode (`FuseNotifier`).
  func openDirectory(_ inode: FuseInode, flags: Int32) throws(Errno) -> FuseOpenFile
  /// Calls `emit` with the entries from `offset` on until it returns false (the buffer is full) or none is left.
  ///
  /// `.` and `..` are emitted by the file system like every other entry, first at offset 0. Offsets stay good while
  /// names are added and removed: an entry that was there all the time is emitted once.
  /// An entry's `nextOffset` is where a later call goes on after it. With `countLookups` each entry that `emit` took
  /// (returned true), other than `.`, `..` and those that carry no lookup, has been looked up once: so the lookup is counted after `emit` said yes.
  func readDirectory(
    _ inode: FuseInode, handle: FuseHandle, offset: UInt64, countLookups: Bool, emit: (FuseDirectoryEntry) -> Bool
  ) throws(Errno)
  /// The last descriptor of a directory's `handle` is gone.
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
  /// The kernel sends neither FORGET nor RELEASE for what it still held, so all lookup counts (but the root's) and all
  /// handles end here. A later session over the same file system starts from nothing.
  func connectionEnded()
}

extension FuseFileSystem {
  /// Nothing: for a file system that ends with its mount.
  public func connectionEnded() {}
}
