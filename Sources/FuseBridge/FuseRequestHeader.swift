/// The beginning of a request as the kernel has written it, for what has to be known before libfuse decodes it.
///
/// Layout: `fuse_in_header` (32 bits each: length, opcode; then 32 bytes more), then the operation's own part, of which a
/// READ's and a WRITE's begin with handle and offset (64 bits each) and byte count (32 bits). Source: linux/fuse.h.
struct FuseRequestHeader {
  /// The header's size, so the least of a request.
  static let byteCount = 40
  /// A READ or WRITE of at most so many bytes is brief.
  private static let briefByteCount = 16 << 10

  private let bytes: UnsafeRawBufferPointer

  /// The header of a request that takes all of `bytes`; at least `byteCount` of them.
  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
  }

  /// Whether the answer takes a file system no longer than handing the request to another thread would take, unless it waits
  /// (`FuseRequest.wait`).
  var isBrief: Bool {
    switch bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self) {
    // LOOKUP, FORGET, GETATTR, SETATTR, READLINK, SYMLINK; MKNOD, MKDIR, UNLINK, RMDIR, RENAME, LINK, OPEN; RELEASE; FLUSH;
    // OPENDIR, READDIR, RELEASEDIR; CREATE; BATCH_FORGET; READDIRPLUS, RENAME2
    case 1...6, 8...14, 18, 25, 27...29, 35, 42, 44...45: true
    // READ, WRITE
    case 15, 16:
      bytes.count >= 60 && bytes.loadUnaligned(fromByteOffset: 56, as: UInt32.self) <= Self.briefByteCount
    default: false
    }
  }
}
