internal import CFuse3
internal import Glibc
internal import SystemPackage

/// A handler's answer to one request; `deliver` is the only place that sends replies and that undoes a reply.
///
/// A request is answered exactly once. libfuse frees the request with the reply, whatever the result of the reply is.
enum FuseReply {
  /// No answer is expected (forget).
  case none
  /// The request succeeded, and the answer has no content.
  case success
  /// The request failed.
  case failure(Errno)
  /// The kernel stops sending this request: from now on it opens files, or directories, without one.
  case neverAgain
  /// The inode of a name. Its lookup is counted.
  case entry(FuseEntry)
  /// The name does not exist, and the kernel may remember that.
  case negativeEntry
  /// All attributes.
  case attributes(FuseAttributes)
  /// The target of a symbolic link.
  case target([UInt8])
  /// An open file of that inode.
  case opened(FuseInode, FuseOpenFile)
  /// An open directory of that inode.
  case openedDirectory(FuseInode, FuseOpenFile)
  /// A new file; its lookup is counted and it is open.
  case created(FuseEntry, FuseOpenFile)
  /// Bytes of a file, a value or a list.
  case bytes(ArraySlice<UInt8>)
  /// How many bytes were written.
  case written(Int)
  /// Entries of a directory, some of them looked up.
  case listing(FuseListing)
  /// Sizes of the file system.
  case statistics(FuseStatistics)
  /// How large a buffer an extended attribute needs.
  case neededByteCount(Int)

  /// Sends the reply. If the reply does not reach the kernel, takes back the lookups and open files that it carries.
  ///
  /// `send` returns 0, or a negative errno: -ENOENT if the request was interrupted, or if the connection has ended. In
  /// both cases the kernel never saw the answer, so it will send neither FORGET nor RELEASE.
  func deliver(undoingOn fileSystem: any FuseFileSystem, send: (FuseReply) -> Int32) {
    guard send(self) != 0 else { return }
    switch self {
    case .entry(let entry):
      fileSystem.forget(entry.inode, count: 1)
    case .opened(let inode, let file):
      fileSystem.release(inode, handle: file.handle)
    case .openedDirectory(let inode, let file):
      fileSystem.releaseDirectory(inode, handle: file.handle)
    case .created(let entry, let file):
      fileSystem.release(entry.inode, handle: file.handle)
      fileSystem.forget(entry.inode, count: 1)
    case .listing(let listing):
      for inode in listing.lookedUp { fileSystem.forget(inode, count: 1) }
    case .none, .success, .failure, .neverAgain, .negativeEntry, .attributes, .target, .bytes, .written, .statistics,
      .neededByteCount:
      break
    }
  }

  /// Answers `request` through libfuse: 0, or a negative errno.
  func send(to request: fuse_req_t, timeouts: FuseTimeouts) -> Int32 {
    switch self {
    case .none:
      fuse_reply_none(request)
      return 0
    case .success:
      return fuse_reply_err(request, 0)
    case .failure(let error):
      return fuse_reply_err(request, error.replyCode)
    case .neverAgain:
      return fuse_reply_err(request, ENOSYS)
    case .entry(let entry):
      var parameters = fuse_entry_param(entry, timeouts: timeouts)
      return fuse_reply_entry(request, &parameters)
    case .negativeEntry:
      return Self.sendNegativeEntry(to: request, timeout: timeouts.negativeEntry)
    case .attributes(let attributes):
      var status = stat(attributes)
      return fuse_reply_attr(request, &status, timeouts.attributes)
    case .target(let target):
      return target.withCString { fuse_reply_readlink(request, $0) }
    case .opened(_, let file):
      var info = fuse_file_info(file)
      return fuse_reply_open(request, &info)
    case .openedDirectory(_, let file):
      var info = fuse_file_info(file)
      info.cache_readdir = file.keepsCache ? 1 : 0
      return fuse_reply_open(request, &info)
    case .created(let entry, let file):
      var parameters = fuse_entry_param(entry, timeouts: timeouts)
      var info = fuse_file_info(file)
      return fuse_reply_create(request, &parameters, &info)
    case .bytes(let bytes):
      return bytes.withUnsafeBytes {
        fuse_reply_buf(request, $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count)
      }
    case .written(let byteCount):
      return fuse_reply_write(request, byteCount)
    case .listing(let listing):
      return listing.withUnsafeBytes {
        fuse_reply_buf(request, $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count)
      }
    case .statistics(let statistics):
      var status = statvfs(statistics)
      return fuse_reply_statfs(request, &status)
    case .neededByteCount(let byteCount):
      return fuse_reply_xattr(request, byteCount)
    }
  }

  private static func sendNegativeEntry(to request: fuse_req_t, timeout: Double) -> Int32 {
    guard timeout > 0 else { return fuse_reply_err(request, ENOENT) }
    // libfuse sends inode 0 for a name that does not exist.
    var parameters = fuse_entry_param()
    parameters.entry_timeout = timeout
    return fuse_reply_entry(request, &parameters)
  }
}

extension [UInt8] {
  /// Calls `body` with these bytes and a NUL after them; a NUL among them ends the string early.
  func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: count + 1) { buffer in
      UnsafeMutableRawBufferPointer(buffer).copyBytes(from: self)
      buffer[count] = 0
      guard let base = buffer.baseAddress else { preconditionFailure("a buffer of at least one byte has an address") }
      return body(UnsafePointer(base))
    }
  }
}

extension Errno {
  /// The error code that libfuse and the kernel accept: one of Linux's.
  ///
  /// ENOSYS becomes EOPNOTSUPP: the kernel reads ENOSYS as "never ask again", and for open even as "no need to ask".
  /// Any unknown number becomes EIO: for some numbers the kernel would drop the whole reply, and the caller would hang;
  /// for numbers without a meaning libfuse 3.16 and later sends ERANGE.
  /// Source: Linux fs/fuse/dev.c, fuse_dev_do_write; libfuse lib/fuse_lowlevel.c, fuse_send_reply_iov_nofree.
  var replyCode: Int32 {
    switch rawValue {
    case Glibc.ENOSYS: Glibc.EOPNOTSUPP
    // Linux does not use these two numbers, and EHWPOISON is its last.
    case 41, 58: Glibc.EIO
    case 1...Glibc.EHWPOISON: rawValue
    default: Glibc.EIO
    }
  }
}
