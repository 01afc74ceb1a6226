import FuseBridge
import Glibc
import Synchronization
import SystemPackage

extension MemoryFileSystem {
  func lookup(_ name: [UInt8], in parent: FuseInode, caller: FuseCaller) throws(Errno) -> FuseEntry {
    let text = String(decoding: name, as: UTF8.self)
    if text.hasPrefix("waits") {
      try waitForLookup()
      throw .noSuchFileOrDirectory
    }
    if text.hasPrefix("errno-"), let number = Int32(text.dropFirst(6)) { throw Errno(rawValue: number) }
    return try locked { state throws(Errno) in
      state.count("lookup")
      guard let inode = try state.directory(parent)[name] else {
        state.count("no " + text)
        throw .noSuchFileOrDirectory
      }
      return try state.entry(inode)
    }
  }

  func forget(_ inode: FuseInode, count: UInt64) {
    state.withLock { state in
      state.count("forget")
      guard let known = state.inodes[inode], known.lookupCount >= count else {
        state.violations.append("inode \(inode) was forgotten more often than looked up")
        return
      }
      state.update(inode) { $0.lookupCount -= count }
      state.dropIfUnused(inode)
    }
  }

  func attributes(of inode: FuseInode, handle: FuseHandle?) throws(Errno) -> FuseAttributes {
    try locked { state throws(Errno) in
      state.count("attributes")
      return try state.known(inode).attributes
    }
  }

  func setAttributes(
    of inode: FuseInode, to changes: FuseAttributeChanges, caller: FuseCaller
  ) throws(Errno) -> FuseAttributes {
    try locked { state throws(Errno) in
      state.count("setAttributes")
      _ = try state.known(inode)
      let now = Self.now()
      state.update(inode) { inode in
        if let mode = changes.mode { inode.attributes.mode = inode.attributes.mode & S_IFMT | mode & 0o7777 }
        if let user = changes.userID { inode.attributes.userID = user }
        if let group = changes.groupID { inode.attributes.groupID = group }
        if let byteCount = changes.byteCount, case .file(var content) = inode.kind {
          content.resize(to: byteCount)
          inode.kind = .file(content)
          inode.attributes.byteCount = byteCount
        }
        inode.attributes.changeTime = changes.changeTime ?? now
        switch changes.accessTime {
        case .now: inode.attributes.accessTime = now
        case .at(let time): inode.attributes.accessTime = time
        case nil: break
        }
        switch changes.modificationTime {
        case .now: inode.attributes.modificationTime = now
        case .at(let time): inode.attributes.modificationTime = time
        case nil: break
        }
      }
      return try state.known(inode).attributes
    }
  }

  func readSymbolicLink(_ inode: FuseInode) throws(Errno) -> [UInt8] {
    try locked { state throws(Errno) in
      state.count("readSymbolicLink")
      guard case .symbolicLink(let target) = try state.known(inode).kind else { throw .invalidArgument }
      return target
    }
  }

  func statistics() throws(Errno) -> FuseStatistics {
    FuseStatistics(
      blockByteCount: 4096, blockCount: 1_000_000, availableBlockCount: 750_000, inodeCount: 4_000,
      availableInodeCount: 3_000, maximumNameByteCount: 255)
  }

  func setExtendedAttribute(
    _ name: [UInt8], of inode: FuseInode, to value: [UInt8], flags: Int32
  ) throws(Errno) {
    try locked { state throws(Errno) in
      state.count("setExtendedAttribute")
      let exists = try state.known(inode).extendedAttributes[name] != nil
      if flags & 1 != 0 && exists { throw .fileExists }
      if flags & 2 != 0 && !exists { throw .noData }
      state.update(inode) { $0.extendedAttributes[name] = value }
    }
  }

  func extendedAttribute(_ name: [UInt8], of inode: FuseInode) throws(Errno) -> [UInt8] {
    if name == Array("user.nosys".utf8) { throw .noFunction }
    return try locked { state throws(Errno) in
      state.count("extendedAttribute")
      guard let value = try state.known(inode).extendedAttributes[name] else { throw .noData }
      return value
    }
  }

  func extendedAttributeNames(of inode: FuseInode) throws(Errno) -> [[UInt8]] {
    try locked { state throws(Errno) in Array(try state.known(inode).extendedAttributes.keys) }
  }

  func removeExtendedAttribute(_ name: [UInt8], of inode: FuseInode) throws(Errno) {
    try locked { state throws(Errno) in
      guard try state.known(inode).extendedAttributes[name] != nil else { throw .noData }
      state.update(inode) { $0.extendedAttributes[name] = nil }
    }
  }

  /// `Mutex.withLock` with the error's type kept.
  func locked<Result: Sendable>(_ body: (inout State) throws(Errno) -> Result) throws(Errno) -> Result {
    try state.withLock { state throws(Errno) in try body(&state) }
  }
}
