import FuseBridge
import Glibc
import ResticCore
import SystemPackage

extension GitFileSystem {
  /// Writes of at least this size get a buffer of their own, before the tree's lock is taken.
  private static let preparedByteCount = 64 * 1024

  /// The modes of fallocate(2) that are honoured. Source: linux/falloc.h, which Glibc doesn't bring to Swift.
  private enum Allocation {
    static let keepSize: Int32 = 0x01
    static let punchHole: Int32 = 0x02
    static let zeroRange: Int32 = 0x10
  }

  /// What a regular file was opened for: its handle.
  private enum FileAccess: FuseHandle {
    case read
    case write

    init(openFlags: Int32) {
      self = openFlags & O_ACCMODE == O_RDONLY ? .read : .write
    }
  }

  func open(_ inode: FuseInode, flags: Int32) throws(Errno) -> FuseOpenFile {
    let access = FileAccess(openFlags: flags)
    if access == .write { try requireStored(inode) }
    try tree.read("open") { [self] namespace throws(NamespaceError) in
      try requireShown(inode, namespace)
      try namespace.open(stored(inode), forWriting: access == .write)
    }
    return FuseOpenFile(handle: access.rawValue, keepsCache: true)
  }

  func create(
    _ name: [UInt8], in parent: FuseInode, mode: UInt32, flags: Int32, caller: FuseCaller
  ) throws(Errno) -> (entry: FuseEntry, file: FuseOpenFile) {
    let node = try newNode(.file, mode: mode | S_IFREG, in: parent, caller: caller)
    let access = FileAccess(openFlags: flags)
    let entry = try tree.change("create") { [self] namespace throws(NamespaceError) in
      try requireChangeable(Name(name), in: parent, namespace)
      let number = try namespace.create(node, as: Name(name), in: parent, at: .now())
      try namespace.open(number, forWriting: access == .write)
      return try namespace.entry(number, mounter: mounter)
    }
    return (entry, FuseOpenFile(handle: access.rawValue, keepsCache: true))
  }

  func read(
    _ inode: FuseInode, handle: FuseHandle, offset: UInt64, byteCount: Int
  ) throws(Errno) -> ArraySlice<UInt8> {
    let (end, overflow) = offset.addingReportingOverflow(UInt64(byteCount))
    if let text = shownText(of: inode) {
      return text[min(Int(clamping: offset), text.count)..<min(Int(clamping: overflow ? UInt64.max : end), text.count)]
    }
    return try tree.bytes(of: inode, in: offset..<(overflow ? UInt64.max : end))
  }

  func write(
    _ inode: FuseInode, handle: FuseHandle, offset: UInt64, _ written: FuseWrittenBytes
  ) throws(Errno) {
    try requireStored(inode)
    try streamer.waitForRoom()
    let bytes = written.bytes
    let prepared = bytes.count >= Self.preparedByteCount ? WriteBuffer(written) : nil
    let (ofFile, inAll) = try tree.change("write") { namespace throws(NamespaceError) in
      try namespace.write(bytes, prepared: prepared, to: inode, at: offset, now: .now())
      return (namespace.bufferedByteCount(of: inode), namespace.bufferedCost)
    }
    streamer.noteWrite(of: bytes.count, to: inode, fileByteCount: ofFile, totalByteCount: inAll)
  }

  func release(_ inode: FuseInode, handle: FuseHandle) {
    let mayWrite = handle == FileAccess.write.rawValue
    tree.inspect { $0.release(stored(inode), forWriting: mayWrite) }
    if mayWrite { streamer.noteClose() }
  }

  /// Makes nothing durable: see docs/SEMANTICS.md. What is written is kept in memory until the next commit.
  func synchronize(_ inode: FuseInode, handle: FuseHandle, dataOnly: Bool) throws(Errno) {}

  func allocate(
    _ inode: FuseInode, handle: FuseHandle, mode: Int32, offset: UInt64, byteCount: UInt64
  ) throws(Errno) {
    try requireStored(inode)
    let keepsSize = mode & Allocation.keepSize != 0
    let (end, overflow) = offset.addingReportingOverflow(byteCount)
    guard !overflow, end <= Namespace.maximumFileByteCount else { throw .fileTooLarge }
    let zeroes: Bool
    switch mode & ~Allocation.keepSize {
    case 0: zeroes = false
    case Allocation.punchHole where keepsSize: zeroes = true
    case Allocation.zeroRange: zeroes = true
    default: throw .notSupported
    }
    try tree.change("fallocate") { namespace throws(NamespaceError) in
      try namespace.modify(inode, at: .now()) { extents in
        if zeroes { extents.punch(offset..<end) }
        if !keepsSize, end > extents.byteCount { extents.truncate(to: end) }
      }
    }
  }
}
