import FuseBridge
import Glibc
import ResticCore
import SystemPackage

extension GitFileSystem {
  /// Writes of at least this size get a buffer of their own before the tree's lock is taken.
  private static let preparedByteCount = 64 * 1024

  /// The supported modes of fallocate(2).
  /// Source: linux/falloc.h, which Glibc does not export to Swift.
  private enum Allocation {
    static let keepSize: Int32 = 0x01
    static let punchHole: Int32 = 0x02
    static let zeroRange: Int32 = 0x10
  }

  /// The access for which a regular file was opened; used as its handle.
  private enum FileAccess: FuseHandle {
    case read = 1
    case write = 2

    init(openFlags: Int32) {
      self = openFlags & O_ACCMODE == O_RDONLY ? .read : .write
    }
  }

  func open(_ inode: FuseInode, flags: Int32) throws(Errno) -> FuseOpenFile {
    let access = FileAccess(openFlags: flags)
    if access == .write { try requireStored(inode) }
    try tree.bookkeep("open") { [self] namespace throws(NamespaceError) in
      try requireShown(inode, namespace)
      try namespace.open(stored(inode), forWriting: access == .write)
    }
    return FuseOpenFile(handle: access.rawValue, keepsCache: true)
  }

  func create(
    _ name: [UInt8], in parent: FuseInode, mode: UInt32, flags: Int32, caller: FuseCaller
  ) throws(Errno) -> (entry: FuseEntry, file: FuseOpenFile) {
    let new = try newInode(.file, mode: mode, in: parent, caller: caller)
    let access = FileAccess(openFlags: flags)
    let entry = try perform(.create(new, as: Name(name), in: parent), on: [(Name(name), parent)]) {
      [mounter] namespace, number throws(NamespaceError) in
      try namespace.open(number, forWriting: access == .write)
      return try namespace.entry(number, mounter: mounter)
    }
    creations.note(Name(name), in: parent, by: caller)
    return (entry, FuseOpenFile(handle: access.rawValue, keepsCache: true))
  }

  func read(
    _ inode: FuseInode, handle: FuseHandle, offset: UInt64, byteCount: Int
  ) throws(Errno) -> ArraySlice<UInt8> {
    let (end, overflow) = offset.addingReportingOverflow(UInt64(byteCount))
    if let text = shownText(of: inode) {
      return text[min(Int(clamping: offset), text.count)..<min(Int(clamping: overflow ? UInt64.max : end), text.count)]
    }
    guard handle == .silent else { return try files.bytes(of: inode, in: offset..<(overflow ? UInt64.max : end)) }
    // There was no `open` that could have checked this.
    try tree.read("read") { [self] namespace throws(NamespaceError) in try requireShown(inode, namespace) }
    defer { tree.bookkeep { $0.endSilentReading(of: inode) } }
    return try files.bytes(of: inode, in: offset..<(overflow ? UInt64.max : end))
  }

  func write(
    _ inode: FuseInode, handle: FuseHandle, offset: UInt64, _ written: FuseWrittenBytes
  ) throws(Errno) {
    try requireStored(inode)
    try streamer.waitForRoom()
    let byteCount = written.bytes.count
    let bytes: TreeChange.WrittenBytes =
      byteCount >= Self.preparedByteCount ? .buffer(WriteBuffer(written)) : .borrowed(.init(pointer: written.bytes))
    let (ofFile, inAll) = try tree.perform(.write(bytes, to: inode, offset: offset)) {
      namespace, _ throws(NamespaceError) in
      (namespace.bufferedByteCount(of: inode), namespace.bufferedCost)
    }
    streamer.noteWrite(of: byteCount, to: inode, fileByteCount: ofFile, totalByteCount: inAll)
  }

  func release(_ inode: FuseInode, handle: FuseHandle) {
    let mayWrite = handle == FileAccess.write.rawValue
    let directory = tree.bookkeep { [self] namespace in
      let directory = namespace.inodes[stored(inode)]?.parent
      namespace.release(stored(inode), forWriting: mayWrite)
      return directory
    }
    if let directory { listings.withLock { $0.noteClosedFile(in: directory) } }
    if mayWrite { streamer.noteClose() }
  }

  /// Does not make anything durable: see docs/SEMANTICS.md. Written data is kept in memory until the next commit.
  func synchronize(_ inode: FuseInode, handle: FuseHandle, dataOnly: Bool) throws(Errno) {}

  func allocate(
    _ inode: FuseInode, handle: FuseHandle, mode: Int32, offset: UInt64, byteCount: UInt64
  ) throws(Errno) {
    try requireStored(inode)
    let keepsSize = mode & Allocation.keepSize != 0
    let (end, overflow) = offset.addingReportingOverflow(byteCount)
    guard !overflow else { throw .fileTooLarge }
    let zeroes: Bool
    switch mode & ~Allocation.keepSize {
    case 0: zeroes = false
    case Allocation.punchHole where keepsSize: zeroes = true
    case Allocation.zeroRange: zeroes = true
    default: throw .notSupported
    }
    try tree.perform(.allocate(offset..<end, of: inode, zeroes: zeroes, extends: !keepsSize))
  }
}
