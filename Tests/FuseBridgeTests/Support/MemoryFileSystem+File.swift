import Dispatch
import FuseBridge
import Glibc
import Synchronization
import SystemPackage

extension MemoryFileSystem {
  func open(_ inode: FuseInode, flags: Int32) throws(Errno) -> FuseOpenFile {
    try locked { state throws(Errno) in
      state.count("open")
      _ = try state.known(inode)
      if flags & (O_APPEND | O_TRUNC) != 0 || flags & O_ACCMODE == O_WRONLY {
        state.violations.append("open came with flags \(flags)")
      }
      return FuseOpenFile(handle: state.openHandle(inode), keepsCache: true)
    }
  }

  func create(
    _ name: [UInt8], in parent: FuseInode, mode: UInt32, flags: Int32, caller: FuseCaller
  ) throws(Errno) -> (entry: FuseEntry, file: FuseOpenFile) {
    // A tuple cannot be a generic Sendable result.
    let made = try locked { state throws(Errno) -> Made in
      state.count("create")
      state.creators.append(caller)
      let inode = try state.make(name, in: parent, kind: .file(MemoryContent()), mode: mode, caller: caller)
      let entry = try state.entry(inode)
      return Made(entry: entry, file: FuseOpenFile(handle: state.openHandle(inode), keepsCache: true))
    }
    return (made.entry, made.file)
  }

  func read(_ inode: FuseInode, handle: FuseHandle, offset: UInt64, byteCount: Int) throws(Errno) -> ArraySlice<UInt8> {
    waitIfSlow(inode)
    return try locked { state throws(Errno) in
      state.count("read")
      try state.check(handle, of: inode)
      return (try state.known(inode).content?.read(offset: offset, count: byteCount) ?? [])[...]
    }
  }

  func write(
    _ inode: FuseInode, handle: FuseHandle, offset: UInt64, _ written: FuseWrittenBytes
  ) throws(Errno) {
    try change(inode, handle: handle, as: "write") { $0.write(written.bytes, at: offset) }
    guard keepsWrites, let (memory, range) = written.takeMemory() else { return }
    let kept = KeptWrite(inode: inode, offset: offset, memory: memory, range: range)
    state.withLock { $0.keptWrites.append(kept) }
  }

  func allocate(
    _ inode: FuseInode, handle: FuseHandle, mode: Int32, offset: UInt64, byteCount: UInt64
  ) throws(Errno) {
    // fallocate(2): 1 is KEEP_SIZE, 2 is PUNCH_HOLE.
    guard mode == 0 || mode == 1 || mode == 3 else { throw .notSupportedOnSocket }
    try change(inode, handle: handle, as: "allocate") { content in
      if mode == 0 {
        content.resize(to: max(content.byteCount, offset + byteCount))
      } else if mode == 3 {
        content.clear(offset..<max(offset, min(content.byteCount, offset + byteCount)))
      }
    }
  }

  func release(_ inode: FuseInode, handle: FuseHandle) {
    state.withLock { state in
      state.count("release")
      state.closeHandle(handle, of: inode)
    }
  }

  func synchronize(_ inode: FuseInode, handle: FuseHandle, dataOnly: Bool) throws(Errno) {
    try locked { state throws(Errno) in
      state.count("synchronize")
      try state.check(handle, of: inode)
    }
  }

  private struct Made: Sendable {
    let entry: FuseEntry
    let file: FuseOpenFile
  }

  /// Changes the content in place.
  private func change(
    _ inode: FuseInode, handle: FuseHandle, as call: String, _ body: (inout MemoryContent) -> Void
  ) throws(Errno) {
    try locked { state throws(Errno) in
      state.count(call)
      try state.check(handle, of: inode)
      guard try state.known(inode).content != nil else { throw .invalidArgument }
      state.update(inode) { inode in
        guard case .file(var content) = inode.kind else { return }
        // Drops the only other reference, so that nothing is copied.
        inode.kind = .special(device: 0)
        body(&content)
        inode.attributes.byteCount = content.byteCount
        inode.attributes.blockCount = content.allocatedByteCount / 512
        inode.kind = .file(content)
      }
    }
  }

  /// Waits as a handler does that waits for a storage.
  private func waitIfSlow(_ inode: FuseInode) {
    let gate = DispatchSemaphore(value: 0)
    let mustWait = state.withLock { state in
      guard state.slowInodes.contains(inode), !state.slowReadsMayGo else { return false }
      state.readGates.append(gate)
      return true
    }
    guard mustWait else { return }
    _ = FuseRequest.wait(for: gate)
    state.withLock { $0.readGates.removeAll { $0 === gate } }
  }
}
