internal import CFuse3
internal import Glibc

// Converts this module's types to C's, and setattr's C types to this module's. No C type leaves the module.

extension stat {
  /// The fields that the kernel reads.
  init(_ attributes: FuseAttributes) {
    self.init()
    st_ino = UInt(attributes.inodeNumber)
    st_mode = attributes.mode
    st_nlink = UInt(attributes.linkCount)
    st_uid = attributes.userID
    st_gid = attributes.groupID
    st_rdev = UInt(attributes.device)
    st_size = Int(clamping: attributes.byteCount)
    st_blocks = Int(clamping: attributes.blockCount)
    st_blksize = 4096
    st_atim = timespec(attributes.accessTime)
    st_mtim = timespec(attributes.modificationTime)
    st_ctim = timespec(attributes.changeTime)
  }
}

extension timespec {
  /// The same point in time.
  init(_ time: FuseTime) {
    self.init(tv_sec: Int(time.seconds), tv_nsec: Int(time.nanoseconds))
  }
}

extension FuseTime {
  /// The same point in time; nil if the nanoseconds are out of range.
  init?(_ time: timespec) {
    guard (0..<1_000_000_000).contains(time.tv_nsec) else { return nil }
    self.init(seconds: Int64(time.tv_sec), nanoseconds: UInt32(time.tv_nsec))
  }
}

extension fuse_entry_param {
  /// The answer to a lookup.
  init(_ entry: FuseEntry, timeouts: FuseTimeouts) {
    self.init()
    ino = entry.inode
    attr = stat(entry.attributes)
    attr_timeout = timeouts.attributes
    entry_timeout = timeouts.entry
  }
}

extension fuse_file_info {
  /// The answer to an open.
  init(_ file: FuseOpenFile) {
    self.init()
    fh = file.handle
    keep_cache = file.keepsCache ? 1 : 0
  }
}

extension statvfs {
  /// The same sizes.
  init(_ statistics: FuseStatistics) {
    self.init()
    f_bsize = UInt(statistics.blockByteCount)
    f_frsize = UInt(statistics.blockByteCount)
    f_blocks = UInt(statistics.blockCount)
    f_bfree = UInt(statistics.availableBlockCount)
    f_bavail = UInt(statistics.availableBlockCount)
    f_files = UInt(statistics.inodeCount)
    f_ffree = UInt(statistics.availableInodeCount)
    f_favail = UInt(statistics.availableInodeCount)
    f_namemax = UInt(statistics.maximumNameByteCount)
  }
}

extension FuseAttributeChanges {
  /// The requested changes; nil if a size or time is out of range.
  ///
  /// - Parameter fields: FUSE_SET_ATTR_… bits: which fields of `status` count. Unknown bits are ignored.
  init?(_ status: stat, fields: Int32, handle: FuseHandle?) {
    self.init()
    self.handle = handle
    if fields & FUSE_SET_ATTR_MODE != 0 { mode = status.st_mode }
    if fields & FUSE_SET_ATTR_UID != 0 { userID = status.st_uid }
    if fields & FUSE_SET_ATTR_GID != 0 { groupID = status.st_gid }
    if fields & FUSE_SET_ATTR_SIZE != 0 {
      guard status.st_size >= 0 else { return nil }
      byteCount = UInt64(status.st_size)
    }
    if fields & FUSE_SET_ATTR_ATIME_NOW != 0 {
      accessTime = .now
    } else if fields & FUSE_SET_ATTR_ATIME != 0 {
      guard let time = FuseTime(status.st_atim) else { return nil }
      accessTime = .at(time)
    }
    if fields & FUSE_SET_ATTR_MTIME_NOW != 0 {
      modificationTime = .now
    } else if fields & FUSE_SET_ATTR_MTIME != 0 {
      guard let time = FuseTime(status.st_mtim) else { return nil }
      modificationTime = .at(time)
    }
    if fields & FUSE_SET_ATTR_CTIME != 0 {
      guard let time = FuseTime(status.st_ctim) else { return nil }
      changeTime = time
    }
  }
}
