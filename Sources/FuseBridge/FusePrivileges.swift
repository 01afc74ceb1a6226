internal import CFuse3
internal import Glibc
internal import Synchronization
internal import SystemPackage

// Who drops setuid, setgid and file capabilities when another user changes a file.
//
// If this is left to the kernel, the kernel asks for the attribute `security.capability` before every write(2), because
// it has nowhere to remember the answer: one round trip for each call makes the writeback cache useless for programs
// that write 4 KiB at a time, as git does. With FUSE_HANDLE_KILLPRIV_V2 the kernel remembers, and the file system has
// to drop the bits when a file is written, truncated or changes its owner. libfuse knows that flag from 3.17 on
// (fuseInitialize sets it there); with an older libfuse the flag is added to its answer to FUSE_INIT as the answer is
// sent. A kernel older than 5.11 ignores the flag and continues to ask.
//
// The kernel hints who may keep the bits (FUSE_WRITE_KILL_SUIDGID, FATTR_KILL_SUIDGID: everybody without CAP_FSETID),
// but libfuse 3.14 does not pass the hints on. So everybody except root loses the bits. The kernel removes file
// capabilities itself with a REMOVEXATTR.
// Source: Linux include/uapi/linux/fuse.h, fs/fuse/file.c, fs/fuse/dir.c.

extension FuseServer {
  /// If libfuse does not know the flag: sends all replies of `session` through `writev`, and adds the flag to the first
  /// one.
  ///
  /// A libfuse that is built without custom I/O refuses this. The kernel then continues to ask, which is slower but
  /// just as correct.
  func answerForPrivileges(in session: OpaquePointer) {
    guard fuse_capability_handle_killpriv_v2() == 0 else { return }
    var operations = fuse_custom_io()
    operations.read = fuseReadDevice
    operations.writev = fuseWriteDevice
    _ = fuse_session_custom_io(session, &operations, fuse_session_fd(session))
  }

  /// Adds the change of mode that follows from a change of owner or size to `changes`.
  func dropPrivileges(
    of inode: FuseInode, in changes: FuseAttributeChanges, caller: FuseCaller
  ) throws(Errno) -> FuseAttributeChanges {
    let changesOwner = changes.userID != nil || changes.groupID != nil
    let changesSize = changes.byteCount != nil && caller.userID != 0
    guard changes.mode == nil, changesOwner || changesSize else { return changes }
    var changes = changes
    changes.mode = withoutPrivileges(try fileSystem.attributes(of: inode, handle: changes.handle).mode)
    return changes
  }

  /// Drops the bits of a file that `caller` is about to write.
  ///
  /// - Parameter isWriteback: Whether the bytes come from the kernel's cache. Nothing is to be done then: the kernel
  ///   writes to files with such bits without its cache.
  func dropPrivileges(
    ofWritten inode: FuseInode, handle: FuseHandle, isWriteback: Bool, caller: FuseCaller
  ) throws(Errno) {
    guard !isWriteback, caller.userID != 0 else { return }
    guard let mode = withoutPrivileges(try fileSystem.attributes(of: inode, handle: handle).mode) else { return }
    var changes = FuseAttributeChanges()
    changes.mode = mode
    changes.handle = handle
    _ = try fileSystem.setAttributes(of: inode, to: changes, caller: caller)
  }
}

/// `mode` without setuid and, if the group may execute, setgid; nil if there is nothing to drop, as for a directory.
func withoutPrivileges(_ mode: UInt32) -> UInt32? {
  guard mode & S_IFMT != S_IFDIR else { return nil }
  // S_ISUID and S_ISGID. Without group execution, setgid once meant mandatory locking, which is no privilege.
  let dropped = mode & S_IXGRP != 0 ? UInt32(0o6000) : 0o4000
  return mode & dropped == 0 ? nil : mode & ~dropped
}

private func fuseReadDevice(
  _ device: Int32, buffer: UnsafeMutableRawPointer?, byteCount: Int, _: UnsafeMutableRawPointer?
) -> Int {
  read(device, buffer, byteCount)
}

/// writev(2), except that it changes the first message of the connection, the answer to FUSE_INIT.
private func fuseWriteDevice(
  _ device: Int32, parts: UnsafeMutablePointer<iovec>?, count: Int32, data: UnsafeMutableRawPointer?
) -> Int {
  if let parts, let data {
    Unmanaged<FuseServer>.fromOpaque(data)._withUnsafeGuaranteedRef { server in
      if !server.hasGreeted.exchange(true, ordering: .relaxed) {
        complete(UnsafeMutableBufferPointer(start: parts, count: Int(count)))
      }
    }
  }
  return writev(device, parts, count)
}

/// Adds to an answer to FUSE_INIT what libfuse leaves out: FUSE_HANDLE_KILLPRIV_V2, and FUSE_PARALLEL_DIROPS, which libfuse 3.14 is
/// told to want (`fuseInitialize`) and does not pass on. Without the latter one lookup in a directory waits for the other.
///
/// Layout: `fuse_out_header` (16 bytes: length, error, unique), then `fuse_init_out` (major, minor, max_readahead, flags, …; 32 bits each).
/// Anything else is left alone. A kernel ignores flags that it has not offered.
private func complete(_ parts: UnsafeMutableBufferPointer<iovec>) {
  guard parts.count == 2, parts[0].iov_len == 16, parts[1].iov_len >= 16,
    let header = parts[0].iov_base, let answer = parts[1].iov_base,
    header.loadUnaligned(fromByteOffset: 4, as: Int32.self) == 0
  else { return }
  let flags = answer.loadUnaligned(fromByteOffset: 12, as: UInt32.self)
  answer.storeBytes(of: flags | 1 << 28 | 1 << 18, toByteOffset: 12, as: UInt32.self)
}
