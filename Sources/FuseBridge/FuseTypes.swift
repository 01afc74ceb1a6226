/// An inode's number, as the kernel knows it. 1 is the root.
public typealias FuseInode = UInt64

/// The value that `open` or `openDirectory` returned for one open file description.
public typealias FuseHandle = UInt64

extension FuseHandle {
  /// The handle in requests for files that the kernel opened without a request. No other open file has it.
  public static let silent: FuseHandle = 0
}

/// Who makes a request.
public struct FuseCaller: Hashable, Sendable {
  /// The user.
  public var userID: UInt32
  /// The group.
  public var groupID: UInt32
  /// The process.
  public var processID: Int32

  /// A caller.
  public init(userID: UInt32, groupID: UInt32, processID: Int32) {
    self.userID = userID
    self.groupID = groupID
    self.processID = processID
  }
}

/// A point in time, in seconds and nanoseconds since 1970.
public struct FuseTime: Hashable, Sendable {
  /// Whole seconds; negative before 1970.
  public var seconds: Int64
  /// 0 ..< 1,000,000,000.
  public var nanoseconds: UInt32

  /// A point in time.
  public init(seconds: Int64, nanoseconds: UInt32) {
    self.seconds = seconds
    self.nanoseconds = nanoseconds
  }
}

/// stat(2)'s fields.
public struct FuseAttributes: Hashable, Sendable {
  /// The number that stat(2) shows, which need not be the kernel's handle of the inode: one file, one number.
  public var inodeNumber: UInt64
  /// Type and permission bits, S_IF… included.
  public var mode: UInt32
  /// How many names it has.
  public var linkCount: UInt32
  /// The owner.
  public var userID: UInt32
  /// The group.
  public var groupID: UInt32
  /// The device number of a device node.
  public var device: UInt64
  /// The size in bytes.
  public var byteCount: UInt64
  /// The allocated size in blocks of 512 bytes.
  public var blockCount: UInt64
  /// When it was read.
  public var accessTime: FuseTime
  /// When its content was changed.
  public var modificationTime: FuseTime
  /// When its attributes were changed.
  public var changeTime: FuseTime

  /// All fields.
  public init(
    inodeNumber: UInt64, mode: UInt32, linkCount: UInt32, userID: UInt32, groupID: UInt32, device: UInt64,
    byteCount: UInt64, blockCount: UInt64, accessTime: FuseTime, modificationTime: FuseTime, changeTime: FuseTime
  ) {
    self.inodeNumber = inodeNumber
    self.mode = mode
    self.linkCount = linkCount
    self.userID = userID
    self.groupID = groupID
    self.device = device
    self.byteCount = byteCount
    self.blockCount = blockCount
    self.accessTime = accessTime
    self.modificationTime = modificationTime
    self.changeTime = changeTime
  }
}

/// The answer to a lookup.
public struct FuseEntry: Hashable, Sendable {
  /// The inode.
  public var inode: FuseInode
  /// Its attributes.
  public var attributes: FuseAttributes

  /// An entry. Inodes are never reused, so the generation is always 0.
  public init(inode: FuseInode, attributes: FuseAttributes) {
    self.inode = inode
    self.attributes = attributes
  }
}

/// One entry of a directory.
public struct FuseDirectoryEntry: Hashable, Sendable {
  /// The name.
  public var name: [UInt8]
  /// The inode that the name leads to.
  public var inode: FuseInode
  /// The attributes that readdirplus returns; plain readdir uses number and type only.
  public var attributes: FuseAttributes
  /// Where reading continues after this entry: 1 ... Int64.max.
  public var nextOffset: UInt64
  /// Whether readdirplus counts a lookup of the entry; if not, the kernel looks the name up when a program uses it.
  public var carriesLookup = true

  /// An entry.
  public init(name: [UInt8], inode: FuseInode, attributes: FuseAttributes, nextOffset: UInt64) {
    self.name = name
    self.inode = inode
    self.attributes = attributes
    self.nextOffset = nextOffset
  }
}

/// An open file or directory.
public struct FuseOpenFile: Hashable, Sendable {
  /// The kernel sends it with every later request for the file.
  public var handle: FuseHandle
  /// Whether the kernel's cache of the file stays valid.
  public var keepsCache: Bool

  /// An open file.
  public init(handle: FuseHandle, keepsCache: Bool) {
    self.handle = handle
    self.keepsCache = keepsCache
  }
}

/// The changes that setattr requests; nil leaves a field as it is.
public struct FuseAttributeChanges: Hashable, Sendable {
  /// A time to set: now, or a given one.
  public enum Time: Hashable, Sendable {
    /// The moment of the call.
    case now
    /// This one.
    case at(FuseTime)
  }

  /// New permission bits (chmod); ignore the type bits.
  public var mode: UInt32?
  /// New owner.
  public var userID: UInt32?
  /// New group.
  public var groupID: UInt32?
  /// New size (truncate).
  public var byteCount: UInt64?
  /// New access time.
  public var accessTime: Time?
  /// New modification time.
  public var modificationTime: Time?
  /// New change time: the kernel sends it with the writeback cache.
  public var changeTime: FuseTime?
  /// The open file of the request, for ftruncate.
  public var handle: FuseHandle?

  /// No changes.
  public init() {}
}

/// How rename treats an existing target; renameat2(2)'s flags.
public enum FuseRenameMode: Hashable, Sendable {
  /// Replace it.
  case replace
  /// Fail with EEXIST.
  case refuse
  /// Swap the two.
  case exchange
}

/// statvfs(3)'s fields.
public struct FuseStatistics: Hashable, Sendable {
  /// The unit of the block counts, in bytes.
  public var blockByteCount: UInt64
  /// All blocks.
  public var blockCount: UInt64
  /// Blocks that may still be written.
  public var availableBlockCount: UInt64
  /// All inodes.
  public var inodeCount: UInt64
  /// Inodes that may still be made.
  public var availableInodeCount: UInt64
  /// The longest name in bytes.
  public var maximumNameByteCount: UInt64

  /// All fields.
  public init(
    blockByteCount: UInt64, blockCount: UInt64, availableBlockCount: UInt64, inodeCount: UInt64,
    availableInodeCount: UInt64, maximumNameByteCount: UInt64
  ) {
    self.blockByteCount = blockByteCount
    self.blockCount = blockCount
    self.availableBlockCount = availableBlockCount
    self.inodeCount = inodeCount
    self.availableInodeCount = availableInodeCount
    self.maximumNameByteCount = maximumNameByteCount
  }
}
